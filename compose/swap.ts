import { keepBuilds } from './assets/builds.ts'
import {
  awaitHealthy,
  clearIdle,
  createCandidate,
  equipCandidate,
  removeCandidate,
  startCandidate
} from './change/candidate.ts'
import type { Change, Manner, Parties, Step } from './change/change.ts'
import { hasFlipped, promote } from './change/flip.ts'
import { awaitHealthyHeld, awaitStreams, holdRequests, openRequests, restartOld, suspendOld } from './change/hold.ts'
import { checkRoom, planSwap } from './change/plan.ts'
import { codeOf, note, take, unfinished } from './change/progress.ts'
import { drainOld, handOver, pruneImages, stopOld, writeEnvironment } from './change/settle.ts'
import type { Entry } from './record/journal.ts'

/** From which step on there is something to undo, and how. */
type Undoing = readonly [from: Step, step: Step]

/** Two slots at once; or, for what must not run twice or has no room to, one after the other while requests wait. */
const courses: Record<
  'together' | 'held',
  { untilFlip: readonly Step[]; afterwards: readonly Step[]; undoing: readonly Undoing[] }
> = {
  together: {
    // Only of what is healthy: a build that never serves would take the place of one that did.
    untilFlip: [
      clearIdle,
      createCandidate,
      equipCandidate,
      checkRoom,
      startCandidate,
      awaitHealthy,
      keepBuilds,
      promote
    ],
    afterwards: [writeEnvironment, drainOld, stopOld, handOver],
    undoing: [[createCandidate, removeCandidate]]
  },
  held: {
    // Nobody waits for files to be sent.
    untilFlip: [
      clearIdle,
      createCandidate,
      equipCandidate,
      keepBuilds,
      awaitStreams,
      holdRequests,
      suspendOld,
      startCandidate,
      awaitHealthyHeld,
      promote
    ],
    afterwards: [openRequests, writeEnvironment, stopOld, handOver],
    undoing: [
      [createCandidate, removeCandidate],
      [suspendOld, restartOld],
      [holdRequests, openRequests]
    ]
  }
}
const courseOf = ({ how }: Change) => courses[how.isHeld ? 'held' : 'together']

/** @throws EdgeError why it failed; nothing that served has changed then, unless it is COMPOSE_UNFINISHED */
export async function swap(parties: Parties, upstream: string, image: string, how: Manner): Promise<Entry> {
  return carryOut(parties, await planSwap(parties, upstream, image, how))
}

export async function carryOut(parties: Parties, change: Change): Promise<Entry> {
  for (const step of courseOf(change).untilFlip) {
    try {
      parties.signal.throwIfAborted()
      await take(step, parties, change)
    } catch (cause) {
      // The flip may have happened and only its answer been lost: ask before anything is stopped.
      if (step === promote && (await hasFlipped(parties, change).catch(unfinished(cause)))) break
      await undo(parties, change, step.name, { outcome: 'failed', code: codeOf(cause) }).catch(unfinished(cause))
      throw cause
    }
  }
  return finish(parties, change, 'done')
}

/** What remains to be done once the new slot serves. */
export async function finish(parties: Parties, change: Change, outcome: 'done' | 'resumed'): Promise<Entry> {
  for (const step of courseOf(change).afterwards) await take(step, parties, change).catch(unfinished())
  const entry = await note(parties, change, { outcome, code: null }).catch(unfinished())
  await pruneImages(parties, change).catch(cause => parties.say(`old images stay: ${(cause as Error).message}`))
  return entry
}

/**
 * The slot that served goes on, as if nothing had been begun.
 * @param reached the step that it got to: before a candidate is made, what the idle slot holds may have streams to end
 */
export async function undo(
  parties: Parties,
  change: Change,
  reached: string,
  end: Pick<Entry, 'outcome' | 'code'>
): Promise<Entry> {
  const { untilFlip, undoing } = courseOf(change)
  const at = untilFlip.findIndex(({ name }) => name === reached)
  // A step of none of these is of an undoing that was broken off, or of another version: all of it is done.
  const begun = undoing.filter(([from]) => at < 0 || untilFlip.indexOf(from) <= at)
  for (const [, step] of begun) await take(step, parties, change)
  return note(parties, change, end)
}
