import type { LockStatus } from '../record/lock.ts'
import type { Pending } from '../record/pending.ts'
import type { Serving } from '../stack/slots.ts'

/** A change that has begun and has not ended. */
export interface Changing {
  /** `unfinished`: whoever began it is gone. */
  readonly state: 'in progress' | 'unfinished'
  /** As it was typed; of an unfinished one, in words. */
  readonly what: string
  readonly who: string
  readonly since: string
  /** Of an unfinished one there is none. */
  readonly pid: number | null
  /** null: it is being planned, nothing has been touched. */
  readonly step: string | null
  /** null: the edge could not be asked, or nothing has been touched. */
  readonly hasFlipped: boolean | null
  readonly next: string | null
}

/** @param serving null: the edge could not be asked @returns null when nothing is being changed */
export function changingOf(lock: LockStatus | null, pending: Pending | null, serving: Serving | null): Changing | null {
  const hasFlipped =
    pending === null || serving === null ? null : serving.get(pending.change.upstream) === pending.change.to
  const step = pending?.step ?? null
  if (lock?.isAlive === true) {
    const { who, verb: what, since, pid } = lock
    return { state: 'in progress', what, who, since, pid, step, hasFlipped, next: null }
  }
  if (pending === null) return null
  const { verb, upstream, image, who, beganAt: since } = pending.change
  const what = `the ${verb} of ${upstream} to ${image}`
  return { state: 'unfinished', what, who, since, pid: null, step, hasFlipped, next: nextOf(hasFlipped) }
}

/** Any command that changes the stack would do the same before its own work. */
function nextOf(hasFlipped: boolean | null): string {
  if (hasFlipped === null) return 'once the edge answers: twinedge slots settle'
  return `twinedge slots settle ${hasFlipped ? 'finishes it' : 'undoes it'}; so does the next swap or rollback`
}
