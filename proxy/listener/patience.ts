import type { Timed } from '../deadlines.ts'
import type { ListenerContext } from './context.ts'

/** What a client can be late with; `reader`: it takes none of the bytes that wait for it. */
export type Late = 'request' | 'head' | 'body' | 'reader' | 'close'

const RATE_WINDOW_MS = 10_000

/** How long a client is waited for: each phase has its own limit, so that a slow line is borne and a slow attack is not. */
export class Patience implements Timed {
  dueMs = Number.POSITIVE_INFINITY
  readonly #client: { readonly writableLength: number }
  readonly #context: ListenerContext
  readonly #onLate: (late: Late) => void
  #awaited: Exclude<Late, 'reader'> | null = null
  #awaitedMs = Number.POSITIVE_INFINITY
  #readerMs = Number.POSITIVE_INFINITY
  #unsentBytes = 0
  #bodyBytes = 0

  /** @param client whose `writableLength` shrinks as it reads */
  constructor(client: { readonly writableLength: number }, context: ListenerContext, onLate: (late: Late) => void) {
    this.#client = client
    this.#context = context
    this.#onLate = onLate
  }

  watch(): void {
    this.#context.deadlines.watch(this)
  }

  unwatch(): void {
    this.#context.deadlines.unwatch(this)
  }

  /** @param atMs on the clock of the deadlines */
  awaits(what: 'request' | 'head' | 'close', atMs: number): void {
    this.#awaited = what
    this.#awaitedMs = atMs
    this.#rearm()
  }

  /** From now on a minimum of bytes per second is due; counting starts anew. */
  awaitsBody(): void {
    this.#awaited = 'body'
    this.#bodyBytes = 0
    this.#awaitedMs = this.#context.deadlines.nowMs + RATE_WINDOW_MS
    this.#rearm()
  }

  awaitsNothing(): void {
    if (this.#awaited === null) return
    this.#awaited = null
    this.#awaitedMs = Number.POSITIVE_INFINITY
    this.#rearm()
  }

  countBody(bytes: number): void {
    this.#bodyBytes += bytes
  }

  /** Bytes wait for the client: from now on it has to take some. */
  onBlocked(): void {
    this.#unsentBytes = this.#client.writableLength
    this.#readerMs = this.#context.deadlines.coarseMs + this.#context.limits().sendMs
    this.#rearm()
  }

  onDrained(): void {
    this.#readerMs = Number.POSITIVE_INFINITY
    this.#rearm()
  }

  onDue(nowMs: number): void {
    if (this.#readerMs <= nowMs) {
      if (this.#client.writableLength >= this.#unsentBytes) return this.#onLate('reader')
      this.onBlocked()
    }
    if (this.#awaitedMs > nowMs || this.#awaited === null) return
    const due = (this.#context.limits().bodyBytesPerSecond * RATE_WINDOW_MS) / 1000
    if (this.#awaited === 'body' && this.#bodyBytes >= due) return this.awaitsBody()
    const late = this.#awaited
    this.awaitsNothing()
    this.#onLate(late)
  }

  #rearm(): void {
    this.dueMs = Math.min(this.#awaitedMs, this.#readerMs)
  }
}
