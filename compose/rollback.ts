import type { Manner, Parties } from './change/change.ts'
import { planRollback } from './change/plan.ts'
import type { Entry } from './record/journal.ts'
import { carryOut } from './swap.ts'

/**
 * @param release undefined: the one that served before; a second rollback then goes forward again
 * @throws EdgeError COMPOSE_NO_RELEASE, or as a swap does
 */
export async function rollback(
  parties: Parties,
  upstream: string,
  release: number | undefined,
  how: Manner
): Promise<Entry> {
  return carryOut(parties, await planRollback(parties, upstream, release, how))
}

/**
 * As a rollback, but from a release that is no good: of those that are kept it is none.
 * @throws EdgeError COMPOSE_NO_RELEASE, or as a swap does
 */
export async function takeBack(parties: Parties, upstream: string, release: number, how: Manner): Promise<Entry> {
  return carryOut(parties, { ...(await planRollback(parties, upstream, release, how)), verb: 'take-back' })
}
