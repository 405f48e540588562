import { EdgeError } from '../../proxy/errors.ts'
import type { Container } from '../container/container.ts'
import { serviceOf } from '../stack/slots.ts'
import type { Change, Parties } from './change.ts'

const lineCount = 20

/** Why a candidate will not do, with all that can be learned of it before it is removed. */
export async function evidence(parties: Parties, change: Change, why: string): Promise<EdgeError> {
  const { engine, stack } = parties
  const service = serviceOf(change.upstream, change.to)
  const container = await engine.find(stack.project, service).catch(() => null)
  const lines = container === null ? [] : await engine.lastLines(container.id, lineCount).catch(() => [])
  const told = [
    `${service} (${change.image}): ${why}`,
    ...stateOf(container),
    ...(await probeOf(parties, change, container)),
    ...(lines.length === 0 ? ['it has written nothing'] : ['its last lines:', ...lines.map(line => `  ${line}`)])
  ]
  return new EdgeError('COMPOSE_CANDIDATE_FAILED', told.join('\n'))
}

function stateOf(container: Container | null): string[] {
  if (container === null) return ['its container is gone']
  const { state, exitCode, isOutOfMemory, lastCheck, memoryLimitBytes } = container
  const limit = memoryLimitBytes > 0 ? `, its limit being ${Math.round(memoryLimitBytes / 1_048_576)} MB` : ''
  return [
    state === 'running' ? 'it runs still' : `${state}, exit code ${exitCode}`,
    ...(isOutOfMemory ? [`killed for want of memory${limit}`] : []),
    ...(lastCheck === null ? [] : [`its own health check: ${lastCheck.slice(0, 500)}`])
  ]
}

/** As the edge reaches it: status, head of the body, or the error. */
async function probeOf({ edge }: Parties, { upstream, to }: Change, container: Container | null): Promise<string[]> {
  if (container?.state !== 'running') return []
  const { saw } = await edge.probe(upstream, to).catch(() => ({ saw: 'the edge could not say' }))
  return [`the edge's probe: ${saw}`]
}
