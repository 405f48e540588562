/** Something that must not stay as it is for ever. */
export interface Timed {
  /** On the clock of the Deadlines; Infinity: no deadline now. */
  dueMs: number
  /** Called once the deadline has passed, at every tick until `dueMs` moves or it is unwatched. */
  onDue(nowMs: number): void
}

const TICK_MS = 250

/**
 * One coarse timer for every deadline of the edge: heads, bodies, silence, idle connections.
 * Moving a deadline is one assignment, where a timer of its own would cost a microsecond per chunk and 200 bytes per stream.
 */
export class Deadlines {
  readonly #clock: () => number
  readonly #watched = new Set<Timed>()
  #timer: NodeJS.Timeout | null = null
  #coarseMs = 0

  /** @param clock milliseconds, never going back */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  get nowMs(): number {
    return this.#clock()
  }

  /** The time at the last tick, a quarter of a second old at most: enough for moving a deadline, and nearly free. */
  get coarseMs(): number {
    return this.#coarseMs
  }

  watch(timed: Timed): void {
    this.#watched.add(timed)
    if (this.#timer !== null) return
    this.#coarseMs = this.#clock()
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref()
  }

  unwatch(timed: Timed): void {
    this.#watched.delete(timed)
  }

  tick(): void {
    const now = this.#clock()
    this.#coarseMs = now
    for (const timed of this.#watched) {
      try {
        if (timed.dueMs <= now) timed.onDue(now)
      } catch (error) {
        // Told as any uncaught error is; the deadlines of all the others must not go with it.
        this.#watched.delete(timed)
        queueMicrotask(() => {
          throw error
        })
      }
    }
    if (this.#watched.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}
