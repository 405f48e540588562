/** In bytes: that a line needs at least, to move at all. */
const least = 32 << 10
const first = 128 << 10
const most = 16 << 20
/**
 * As shares of the whole: what cuts may cost before it is careful; of what is left of that, the next one; and each one
 * after that. Ten of them stay below 5 %.
 */
const allCuts = 0.03
const nextCut = 0.5
const anyCut = 0.0025
/** Round trips that it remembers. */
const looks = 10

/**
 * How much may be on its way unacknowledged. Enough that the line is never idle: twice what it carries in a round trip.
 * Not more than that, for all of it is sent again when the line breaks.
 */
export class Window {
  readonly #total: number
  readonly #now: () => number
  #sent = 0
  #acked = 0
  /** To cuts, at the most. */
  #lost = 0
  #rtt = Number.POSITIVE_INFINITY
  #rate = 0
  /** Rates. The best of them counts: on a line that loses packets most are too low, and a window by those would lower them. */
  #lately: readonly number[] = []
  /** When what was sent, of which the acknowledgement tells how long the way is. */
  #probe: { readonly until: number; readonly at: number; readonly acked: number } | null = null

  /** @param total bytes of the whole ship @param now ms, of a clock that is never set */
  constructor(total: number, now: () => number) {
    this.#total = total
    this.#now = now
  }

  /** Of bytes of pieces, as long as this line holds. */
  get rate(): number {
    return this.#rate
  }

  get inFlight(): number {
    return this.#sent - this.#acked
  }

  get bytes(): number {
    const carried = (2 * Math.max(0, ...this.#lately) * this.#rtt) / 1_000
    const share = Math.max(anyCut * this.#total, nextCut * (allCuts * this.#total - this.#lost))
    return Math.max(least, Math.min(most, Math.max(carried || 0, first), Math.max(least, share)))
  }

  get hasRoom(): boolean {
    return this.inFlight < this.bytes
  }

  sent(bytes: number): void {
    this.#sent += bytes
    this.#probe ??= { until: this.#sent, at: this.#now(), acked: this.#acked }
  }

  /** @param at how many bytes have come, of all on this line @returns how many of them were not yet known to have */
  acked(at: number): number {
    const more = at - this.#acked
    this.#acked = at
    this.#measure(at)
    return more
  }

  /** What the cuts so far have really cost, which is less than what was on its way. */
  lost(bytes: number): void {
    this.#lost = bytes
  }

  /** The line was cut: counting begins anew, with more care. */
  cut(): void {
    this.#lost += this.inFlight
    this.#sent = 0
    this.#acked = 0
    this.#probe = null
    this.#rate = 0
    this.#lately = []
    this.#rtt = Number.POSITIVE_INFINITY
  }

  #measure(at: number): void {
    const probe = this.#probe
    if (probe === null || at < probe.until) return
    const tookMs = Math.max(0.1, this.#now() - probe.at)
    this.#rtt = Math.min(this.#rtt, tookMs)
    const rate = ((at - probe.acked) / tookMs) * 1_000
    this.#lately = [...this.#lately, rate].slice(-looks)
    this.#rate = this.#rate === 0 ? rate : 0.7 * this.#rate + 0.3 * rate
    this.#probe = null
  }
}
