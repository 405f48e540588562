import { edgeAt } from '../../compose/edge-client.ts'
import { dockerEngine } from '../../compose/engine.ts'
import { type ServerName, type Site, standbyOf } from '../../compose/laptop/plan/site.ts'
import { serviceOf, servingOf } from '../../compose/stack/slots.ts'
import { findStack } from '../../compose/stack/stack.ts'
import { EdgeError } from '../../proxy/errors.ts'

/** What of a stack can be looked at by itself. */
export const parts = ['web', 'api', 'edge'] as const
export type StackPart = (typeof parts)[number]

/** @throws EdgeError EDGE_USAGE */
export function partOf(name: string | undefined, usage: string): StackPart {
  const found = parts.find(part => part === name)
  if (found === undefined) throw new EdgeError('EDGE_USAGE', usage)
  return found
}

/** Which servers have it: the edge is on all of them. */
export function serversWith({ servers }: Site, part: StackPart): ServerName[] {
  const names = servers.map(({ name }) => name)
  if (part === 'edge' || names.includes('single')) return names
  const standby = part === 'web' ? standbyOf({ servers }) : null
  return [part === 'web' ? 'frontend' : 'backend', ...(standby === null ? [] : [standby.name])]
}

/** @returns the id of the container that serves, or that of the edge @throws EdgeError COMPOSE_NO_CONTAINER, COMPOSE_* */
export async function containerOf(project: string, part: StackPart): Promise<string> {
  const engine = await dockerEngine()
  const { socket } = await findStack(engine, project)
  if (part === 'edge') return (await engine.find(project, 'edge'))!.id
  // Without an edge to ask, the slot that runs is meant.
  const active = await edgeAt(socket)
    .status()
    .then(status => servingOf(status).get(part))
    .catch(() => undefined)
  const all = (await engine.list(project)).filter(({ service, state }) => {
    return active === undefined
      ? service.startsWith(`${part}-`) && state === 'running'
      : service === serviceOf(part, active)
  })
  const [found] = all
  if (found !== undefined) return found.id
  throw new EdgeError('LOOK_NO_CONTAINER', `no container of ${part} serves here`)
}
