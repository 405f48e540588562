import { EdgeError, type FailureCode } from '../../proxy/errors.ts'
import type { Edge } from '../edge-client.ts'
import { type Entry, writeJournal } from '../record/journal.ts'
import { clearPending, writePending } from '../record/pending.ts'
import type { Change, Parties, Step } from './change.ts'
import { reportOf } from './settle.ts'

/** An edge that restarts is back within this. */
const absenceMs = 60_000
const askAgainMs = 500

/** Takes a step, after it was written down that it is being taken: so whoever comes after a kill knows. */
export async function take(step: Step, parties: Parties, change: Change): Promise<void> {
  await parties.lock.check()
  await writePending(parties.records, { change, step: step.name })
  await step({ ...parties, edge: patient(parties) }, change)
}

/** Whatever is asked of the edge may be asked again, so that its restart in the middle of a change is only a wait. */
function patient({ edge, now, pause }: Parties): Edge {
  const again = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (const end = now().getTime() + absenceMs; ; await pause(askAgainMs)) {
      try {
        return await ask()
      } catch (cause) {
        const isAway = cause instanceof EdgeError && cause.code === 'EDGE_NOT_RUNNING'
        if (!isAway || now().getTime() >= end) throw cause
      }
    }
  }
  return {
    status: () => again(() => edge.status()),
    probe: (upstream, slot) => again(() => edge.probe(upstream, slot)),
    promote: asked => again(() => edge.promote(asked)),
    drain: asked => again(() => edge.drain(asked)),
    hold: asked => again(() => edge.hold(asked)),
    tally: upstream => again(() => edge.tally(upstream)),
    assets: () => again(() => edge.assets()),
    keepBuild: open => again(() => edge.keepBuild(open))
  }
}

/** The end of a change, for the journal. Nothing is pending from here on. */
export async function note(parties: Parties, change: Change, end: Pick<Entry, 'outcome' | 'code'>): Promise<Entry> {
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
