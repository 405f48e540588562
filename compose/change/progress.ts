import { EdgeError, type FailureCode } from '../../proxy/errors.ts'
import { patient } from '../patience.ts'
import { type Entry, writeJournal } from '../record/journal.ts'
import { clearPending, readPending, writePending } from '../record/pending.ts'
import type { Change, Parties, Step } from './change.ts'
import { reportOf } from './settle.ts'

/** Takes a step, after it was written down that it is being taken: so whoever comes after a kill knows. */
export async function take(step: Step, parties: Parties, change: Change): Promise<void> {
  await parties.lock.check()
  const { records } = parties
  await writePending(records, { change, step: step.name }).catch(async cause => {
    // A disk that fills up on the way is no reason to leave requests waiting: the change itself is written down already,
    // and of the step nothing depends but words.
    const { change: begun } = (await readPending(records)) ?? {}
    if (begun?.beganAt !== change.beganAt) throw cause
  })
  await step(patient(parties), change)
}

/** The end of a change, for the journal. Nothing is pending from here on. */
export async function note(parties: Parties, change: Change, end: Pick<Entry, 'outcome' | 'code'>): Promise<Entry> {
  // What is pending by now may be the change of whoever broke the lock.
  await parties.lock.check()
  const { verb, upstream, release, before, to: slot, image, imageId, tag, who, beganAt } = change
  const hasServed = end.outcome === 'done' || end.outcome === 'resumed'
  const entry: Entry = {
    ...{ at: beganAt, who, verb, upstream, ...end, release, before, slot, image, imageId, tag },
    tookMs: parties.now().getTime() - Date.parse(beganAt),
    report: hasServed ? await reportOf(parties, change) : null
  }
  await writeJournal(parties.records, entry)
  await clearPending(parties.records)
  return entry
}

/** @returns what to throw in place of `cause` when the clearing up after `first` failed with it */
export function unfinished(first?: unknown): (cause: unknown) => never {
  return cause => {
    if (cause instanceof EdgeError && cause.code === 'COMPOSE_LOCKED') throw cause
    const words = [first, cause].filter(one => one !== undefined).map(one => (one as Error).message)
    throw new EdgeError('COMPOSE_UNFINISHED', words.join('\n'), cause)
  }
}

export function codeOf(cause: unknown): FailureCode {
  return cause instanceof EdgeError ? cause.code : 'EDGE_INTERNAL'
}
