import type { Tally } from '../../control/protocol.ts'
import type { Side } from '../../errors.ts'
import type { InFlight } from './slot.ts'

/** How the requests of one upstream ended since somebody asked. */
export class RequestTally {
  #since = new Date()
  #requests = 0
  #failed = 0
  #streamsCut = 0
  #longestMs = 0

  /**
   * Runs once per request: additions only.
   * @param side whose failure ended it; null: it is complete
   * @param firstByteMs until the first byte of the answer, or until the failure
   */
  add(status: number, side: Side | null, kind: InFlight['kind'], firstByteMs: number): void {
    this.#requests++
    // Whoever leaves early, sends too much or too slowly waited for nobody but himself.
    if (side === 'client') return
    this.#longestMs = Math.max(this.#longestMs, firstByteMs)
    if (side === null && status < 500) return
    this.#failed++
    if (side !== null && kind !== 'request') this.#streamsCut++
  }

  get status(): Tally {
    return {
      since: this.#since.toISOString(),
      requests: this.#requests,
      failed: this.#failed,
      streamsCut: this.#streamsCut,
      longestMs: Math.round(this.#longestMs)
    }
  }

  /** Begins anew. @returns what it was */
  reset(): Tally {
    const until = this.status
    this.#since = new Date()
    this.#requests = this.#failed = this.#streamsCut = this.#longestMs = 0
    return until
  }
}
