import { randomBytes } from 'node:crypto'

/** Who learns a key can read what was resumed under it: it is worth half a day, no more. */
const lifeMs = 12 * 3_600_000

/**
 * What session tickets are sealed with, the same on every listener. A ticket of an earlier key opens no more: its
 * client makes a full handshake, and notices nothing else.
 */
export class TicketKeys {
  readonly #nowMs: () => number
  #current = randomBytes(48)
  #madeMs: number

  /** @param nowMs a clock that nobody can set back */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
    this.#madeMs = nowMs()
  }

  /** The same buffer until it is time for another. */
  get current(): Buffer {
    const now = this.#nowMs()
    if (now - this.#madeMs < lifeMs) return this.#current
    this.#current = randomBytes(48)
    this.#madeMs = now
    return this.#current
  }
}
