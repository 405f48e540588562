import { addressKey } from '../http/address-key.ts'

/** Bursts of this many seconds' worth pass: a page loads its parts at once. */
const BURST_SECONDS = 10
const SWEEP_MS = 60_000

interface Bucket {
  tokens: number
  atMs: number
}

/** Requests per second and client address, as a token bucket each. */
export class RateLimit {
  readonly #perSecond: number
  readonly #buckets = new Map<string, Bucket>()
  #sweptMs = 0

  /** @param perSecond 0: no limit */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** @returns false when this address has used up its share */
  allows(address: string, nowMs: number): boolean {
    if (this.#perSecond === 0) return true
    if (nowMs - this.#sweptMs > SWEEP_MS) this.#sweep(nowMs)
    const key = addressKey(address)
    const most = this.#perSecond * BURST_SECONDS
    const bucket = this.#buckets.get(key) ?? { tokens: most, atMs: nowMs }
    bucket.tokens = Math.min(most, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * this.#perSecond)
    bucket.atMs = nowMs
    this.#buckets.set(key, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  /** Full buckets say nothing: strangers who came once are forgotten. */
  #sweep(nowMs: number): void {
    this.#sweptMs = nowMs
    for (const [address, bucket] of this.#buckets) {
      if (nowMs - bucket.atMs > BURST_SECONDS * 1000) this.#buckets.delete(address)
    }
  }
}
