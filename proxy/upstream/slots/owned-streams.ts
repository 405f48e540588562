import type { Deadlines } from '../../deadlines.ts'

/** More than these are not remembered: each costs some 200 bytes. */
const MOST_KNOWN = 10_000
/** A client that lost its stream asks for the rest of it within this time, or does not come. */
const AWAITED_MS = 30_000

/**
 * The streams that one slot runs, by the names that their events gave: requests about them belong there. A stream that
 * its client has left may go on in the app, and is known until the slot has run empty.
 */
export class OwnedStreams {
  readonly #deadlines: Deadlines
  /** With how many answers carry it now. */
  readonly #carried = new Map<string, number>()
  /** With when the last answer that carried it broke off. */
  readonly #left = new Map<string, number>()

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines
  }

  get size(): number {
    return this.#carried.size + this.#left.size
  }

  /** A client has left its stream only just: it will want to come back. */
  get isAwaited(): boolean {
    const now = this.#deadlines.nowMs
    return this.#left.values().some(leftMs => now < leftMs + AWAITED_MS)
  }

  has(key: string): boolean {
    return this.#carried.has(key) || this.#left.has(key)
  }

  /** An answer carries this stream, until `release()`. */
  claim(key: string): void {
    this.#left.delete(key)
    this.#carried.set(key, (this.#carried.get(key) ?? 0) + 1)
    if (this.size > MOST_KNOWN) this.#forgetOldest()
  }

  /** @param isOver the app has ended it; else only the answer is over */
  release(key: string, isOver: boolean): void {
    const answers = this.#carried.get(key)
    if (answers === undefined) return
    if (answers > 1) return void this.#carried.set(key, answers - 1)
    this.#carried.delete(key)
    if (!isOver) this.#left.set(key, this.#deadlines.nowMs)
  }

  clear(): void {
    this.#carried.clear()
    this.#left.clear()
  }

  /** One that was left, if there is one: it may be long over. */
  #forgetOldest(): void {
    const from = this.#left.size > 0 ? this.#left : this.#carried
    for (const oldest of from.keys()) return void from.delete(oldest)
  }
}
