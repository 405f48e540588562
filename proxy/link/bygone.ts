/** What is over, for a while: the peer may not have heard so, and what was asked must not be done twice. */
export class Bygone {
  readonly #keepMs: number
  #now = new Set<string>()
  #before = new Set<string>()
  #turnedMs = 0

  /** @param keepMs at least; twice that at most */
  constructor(keepMs: number) {
    this.#keepMs = keepMs
  }

  add(id: string): void {
    this.#now.add(id)
  }

  has(id: string): boolean {
    return this.#now.has(id) || this.#before.has(id)
  }

  /** To be called from time to time. */
  forget(nowMs: number): void {
    if (nowMs - this.#turnedMs < this.#keepMs) return
    this.#turnedMs = nowMs
    this.#before = this.#now
    this.#now = new Set()
  }
}
