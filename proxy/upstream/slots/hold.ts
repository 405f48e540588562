import type { HoldRequest, HoldStatus } from '../../control/protocol.ts'
import type { Deadlines, Timed } from '../../deadlines.ts'
import type { FailureCode } from '../../errors.ts'

/** More than these are turned away at once: each costs memory, and a browser opens six per tab. */
const MOST_WAITING = 10_000
/** Let go in one turn of the event loop: 10,000 at once would stall every stream for half a second. */
const MOST_AT_ONCE = 200
const STEP_MS = 5
/** A pause that ends by itself: the upstream may be back for a moment only. */
const SELF_SPREAD_MS = 1_000

/** A request that waits, before it has a slot. */
export interface Waiting {
  proceed(): void
  cut(code: FailureCode, detail: string): void
}

/** Who is told that requests go on. */
export interface HoldOwner {
  /** Just before the first one does. */
  onOpen(): void
  /** Nobody has opened it in time. */
  onSelfOpened(): void
}

/** Keeps the requests of one upstream waiting at the edge, while what would answer them is being replaced. */
export class Hold implements Timed {
  /** At every tick while paused. */
  readonly dueMs = 0
  /** All that a request looks at: `mode` is `open`. */
  isOpen = true
  readonly #deadlines: Deadlines
  readonly #owner: HoldOwner
  /** In the order in which they came, with the time until which each may wait. */
  readonly #waiting = new Map<Waiting, number>()
  #mode: HoldStatus['mode'] = 'open'
  #longestMs = 0
  #opensMs = 0
  #release: NodeJS.Timeout | null = null

  constructor(deadlines: Deadlines, owner: HoldOwner) {
    this.#deadlines = deadlines
    this.#owner = owner
  }

  get status(): HoldStatus {
    return { mode: this.#mode, waiting: this.#waiting.size }
  }

  set({ mode, longestMs, spreadMs }: Omit<HoldRequest, 'upstream'>): HoldStatus {
    if (mode === 'open' && !this.isOpen) this.#owner.onOpen()
    this.#mode = mode
    this.isOpen = mode === 'open'
    this.#stopRelease()
    this.#deadlines.unwatch(this)
    if (mode === 'open') this.#letGo(spreadMs)
    if (mode === 'maintenance') this.cut('EDGE_MAINTENANCE', 'the upstream was put under maintenance')
    if (mode === 'paused') {
      this.#longestMs = longestMs
      this.#opensMs = this.#deadlines.nowMs + longestMs
      this.#deadlines.watch(this)
    }
    return this.status
  }

  /** A request has come: it goes on, or waits. */
  enter(request: Waiting): void {
    if (this.isOpen) request.proceed()
    else this.wait(request)
  }

  /** Takes in a request that came while it is not open. */
  wait(request: Waiting): void {
    if (this.#mode === 'maintenance') return request.cut('EDGE_MAINTENANCE', 'the upstream is under maintenance')
    if (this.#waiting.size >= MOST_WAITING) {
      return request.cut('EDGE_HELD_TOO_LONG', `${MOST_WAITING} requests wait already`)
    }
    this.#waiting.set(request, this.#deadlines.nowMs + this.#longestMs)
  }

  /** Its client has left. */
  forget(request: Waiting): void {
    this.#waiting.delete(request)
  }

  /** @returns how many waited */
  cut(code: FailureCode, detail: string): number {
    const all = [...this.#waiting.keys()]
    this.#waiting.clear()
    for (const request of all) request.cut(code, detail)
    return all.length
  }

  onDue(now: number): void {
    if (now >= this.#opensMs) {
      this.set({ mode: 'open', longestMs: 0, spreadMs: Math.min(SELF_SPREAD_MS, this.#longestMs) })
      return this.#owner.onSelfOpened()
    }
    // Possible when the pause was prolonged.
    for (const [request, lateMs] of this.#waiting) {
      if (now < lateMs) continue
      this.#waiting.delete(request)
      request.cut('EDGE_HELD_TOO_LONG', 'paused for longer than a request may wait')
    }
  }

  #letGo(spreadMs: number): void {
    const all = this.#waiting.size
    const beganMs = this.#deadlines.nowMs
    const step = (): void => {
      const share = spreadMs === 0 ? 1 : Math.min(1, (this.#deadlines.nowMs - beganMs) / spreadMs)
      this.#proceed(Math.ceil(all * share) - (all - this.#waiting.size))
      this.#release = this.#waiting.size === 0 ? null : setTimeout(step, spreadMs === 0 ? 0 : STEP_MS).unref()
    }
    step()
  }

  #proceed(most: number): void {
    let left = Math.min(most, MOST_AT_ONCE)
    for (const request of this.#waiting.keys()) {
      if (left-- <= 0) return
      this.#waiting.delete(request)
      request.proceed()
    }
  }

  #stopRelease(): void {
    if (this.#release !== null) clearTimeout(this.#release)
    this.#release = null
  }
}
