import type { DrainRequest, DrainStatus } from '../../control/protocol.ts'
import type { Deadlines, Timed } from '../../deadlines.ts'
import type { OwnedStreams } from './owned-streams.ts'
import type { InFlight, Load } from './slot.ts'

/** What a slot has that must end, as it counts it now and later. */
export interface Drained {
  readonly inFlight: ReadonlySet<InFlight>
  readonly owned: OwnedStreams
}

/**
 * A slot that runs empty: requests and streams end by themselves, WebSockets are asked to, and what is left at the
 * deadline is cut. Who has just left a stream may come back for it as long as there is time. It is looked at four times a
 * second, so no request has to tell it anything.
 */
export class Drain implements Timed {
  /** At every tick. */
  readonly dueMs = 0
  readonly #inFlight: ReadonlySet<InFlight>
  readonly #owned: OwnedStreams
  readonly #deadlines: Deadlines
  readonly #beganAt = new Date()
  readonly #carried: Load
  /** The WebSockets that were asked to close, and until when they may. */
  readonly #asked = new Map<InFlight, number>()
  #cutAt = this.#beganAt
  #cutMs = 0
  #graceMs = 0
  #cut = 0
  #hasEnded = false

  constructor({ inFlight, owned }: Drained, carried: Load, deadlines: Deadlines) {
    this.#inFlight = inFlight
    this.#owned = owned
    this.#deadlines = deadlines
    this.#carried = carried
  }

  /** Begins, or counts the time anew. */
  begin({ withinMs, graceMs }: Pick<DrainRequest, 'withinMs' | 'graceMs'>): void {
    const now = this.#deadlines.nowMs
    this.#cutAt = new Date(Date.now() + withinMs)
    this.#cutMs = now + withinMs
    this.#graceMs = graceMs
    this.#deadlines.watch(this)
    this.onDue(now)
  }

  /** Its slot serves again. Only the WebSockets that were asked to close must still do so: nothing reaches them any more. */
  end(): void {
    this.#hasEnded = true
  }

  get status(): DrainStatus {
    return {
      beganAt: this.#beganAt.toISOString(),
      cutAt: this.#cutAt.toISOString(),
      carried: this.#carried,
      cut: this.#cut,
      isDone: this.#isDone
    }
  }

  get #isDone(): boolean {
    return this.#inFlight.size === 0 && !this.#owned.isAwaited
  }

  onDue(now: number): void {
    const isLate = now >= this.#cutMs && !this.#hasEnded
    for (const request of this.#inFlight) {
      if (isLate) this.#cutOff(request)
      else if (request.kind === 'webSocket') this.#dismiss(request, now)
    }
    for (const request of this.#asked.keys()) if (!this.#inFlight.has(request)) this.#asked.delete(request)
    if (!this.#hasEnded && (isLate || this.#isDone)) this.#owned.clear()
    const isOver = this.#hasEnded ? this.#asked.size === 0 : this.#isDone
    if (isOver) this.#deadlines.unwatch(this)
  }

  #dismiss(request: InFlight, now: number): void {
    const goneMs = this.#asked.get(request)
    if (goneMs !== undefined && now >= goneMs) return this.#cutOff(request)
    if (goneMs !== undefined || this.#hasEnded) return
    this.#asked.set(request, now + this.#graceMs)
    request.dismiss()
  }

  #cutOff(request: InFlight): void {
    this.#cut++
    request.cut('EDGE_SLOT_DRAINED')
  }
}
