import { EdgeError } from '../proxy/errors.ts'
import type { Manner, Parties } from './change/change.ts'
import { planRestart } from './change/plan.ts'
import type { Entry } from './record/journal.ts'
import { carryOut } from './swap.ts'

/** As long as its health check may take until it answers. */
const edgeMs = 60_000
const lookMs = 100

/** @throws EdgeError as a swap does; LOOK_NO_CONTAINER when there is nothing to go by */
export async function restart(parties: Parties, upstream: string, how: Manner): Promise<Entry> {
  return carryOut(parties, await planRestart(parties, upstream, how))
}

/**
 * Stops it with its grace time, and starts it.
 * @throws EdgeError EDGE_NOT_RUNNING when it does not come back
 */
export async function restartEdge({ edge, engine, stack, say, now, pause }: Parties): Promise<{ tookMs: number }> {
  const began = now().getTime()
  const container = await engine.find(stack.project, 'edge')
  if (container === null) throw new EdgeError('LOOK_NO_CONTAINER', 'the edge has no container')
  say('the edge stops: what is in flight may go on until its grace time is over')
  await engine.stop(container.id)
  await engine.start(container.id)
  const deadline = now().getTime() + edgeMs
  for (;;) {
    const answer = await edge.status().catch((cause: EdgeError) => cause)
    if (!(answer instanceof EdgeError)) return { tookMs: now().getTime() - began }
    if (now().getTime() > deadline) throw answer
    await pause(lookMs)
  }
}
