import { EdgeError } from '../../proxy/errors.ts'
import { serviceOf, servingOf } from '../stack/slots.ts'
import type { Change, Parties, Step } from './change.ts'
import { evidence } from './evidence.ts'

const passes = 3
const probesMs = 30_000
const probeWidth = 40
/**
 * New requests go to the candidate from here on.
 * @throws EdgeError COMPOSE_CANDIDATE_FAILED with what the edge's probes saw
 */
export const promote: Step = async (parties, change) => {
  const { edge, say } = parties
  const { upstream, to: slot, how } = change
  if (!how.isHeld) await edge.tally(upstream)
  try {
    const { probes } = await edge.promote({ upstream, slot, passes, withinMs: Math.min(how.withinMs, probesMs) })
    say(`${serviceOf(upstream, slot)}: serves (the edge's probe: ${briefly(probes.at(-1) ?? 'it served already')})`)
  } catch (cause) {
    if (!(cause instanceof EdgeError && cause.code === 'EDGE_SLOT_UNHEALTHY')) throw cause
    throw await evidence(parties, change, `the edge refused it: ${cause.detail}`)
  }
}

/** A page that is fine need not be read. */
function briefly(probe: string): string {
  const [line = ''] = probe.split('\n')
  return line.length <= probeWidth ? line : `${line.slice(0, probeWidth - 1)}…`
}

/** @throws EdgeError EDGE_NOT_RUNNING when there is nobody to ask */
export async function hasFlipped({ edge }: Parties, { upstream, to }: Change): Promise<boolean> {
  return servingOf(await edge.status()).get(upstream) === to
}
