/** Of which the least counts: a queue on the way, or a retransmission, is no longer way. */
const KEPT = 16

/** How long a message to the peer and its answer take, and what may be expected of the line after it. */
export class RoundTrip {
  readonly #last: number[] = []
  readonly #watchers = new Set<(ms: number) => void>()

  /** In ms; null: none was measured yet. */
  get ms(): number | null {
    return this.#last.length === 0 ? null : Math.min(...this.#last)
  }

  add(ms: number): void {
    if (!(ms >= 0)) return
    for (const watcher of this.#watchers) watcher(ms)
    this.#last.push(ms)
    if (this.#last.length > KEPT) this.#last.shift()
  }

  /** Hears every sample from now on. @returns what ends that */
  watch(watcher: (ms: number) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /**
   * For a connection, its handshake and the first word: three round trips, and a lost packet on the way, which costs the
   * kernel a second while it has measured nothing (RFC 6298 §2.1).
   */
  get handshakeMs(): number {
    return this.ms === null ? 5_000 : 1_500 + 5 * this.ms
  }

  /** A connection on which nothing came for so long is given up: two pings and their answers are lost, or it is cut. */
  get silenceMs(): number {
    return 5_000 + 4 * (this.ms ?? 500)
  }

  /** A request that waits for a connection longer than this is told that there is none. */
  get patienceMs(): number {
    return 4_000 + 5 * (this.ms ?? 200)
  }
}
