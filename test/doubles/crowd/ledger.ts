import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** What the crowd went through in some span of time; whatever was under way at its end belongs to the next. */
export interface Figures {
  readonly seconds: number
  /** Pages, answers of the API and chunks. */
  readonly requests: number
  /** Due, but too many were under way already: of the machine, or of the site, too much was asked. */
  readonly unasked: number
  /** Of everything: a status of 400 or more, a cut, a wrong answer, no connection. */
  readonly failed: number
  /** How, and how often; at most 20 ways. */
  readonly failures: Readonly<Record<string, number>>
  /** Chunks of any build that answered 404; they are not among `failed`. */
  readonly lostChunks: number
  /** Of builds that no page names any more. */
  readonly oldChunks: number
  readonly streams: { readonly ended: number; readonly cut: number }
  readonly events: { readonly got: number; readonly lost: number; readonly repeated: number }
  readonly uploads: { readonly done: number; readonly failed: number }
  /** `moved`: asked to close by 1012, and back at once. */
  readonly sockets: { readonly echoes: number; readonly moved: number; readonly failed: number }
  /** HTTP/2 connections that the edge ended. */
  readonly sessionsEnded: number
  /** From when a request was due to the head of its answer; of those that succeeded. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly longestMs: number
  /** The longest time in which everything that was due failed. */
  readonly outageMs: Readonly<Record<Target, number>>
  /** The share of the time that the crowd's own process was busy: over 0.7, distrust the times. */
  readonly busy: number
}
/** What answers. */
export type Target = 'web' | 'api'

const bucketMs = 100
const mostWays = 20

/** Where everything is written down as it ends. */
export class Ledger {
  readonly #delays: RecordableHistogram = createHistogram({ lowest: 1, highest: 120_000_000, figures: 3 })
  readonly #failures = new Map<string, number>()
  readonly #counts: Record<string, number> = {}
  /** By the time at which a request was due: whether one succeeded. */
  readonly #buckets = { web: new Map<number, boolean>(), api: new Map<number, boolean>() }
  readonly #beganMs = performance.now()
  readonly #used = performance.eventLoopUtilization()
  readonly #longer: Ledger | undefined

  /** @param longer is told everything, too */
  constructor(longer?: Ledger) {
    this.#longer = longer
  }

  count(what: string, by = 1): void {
    this.#longer?.count(what, by)
    this.#add(what, by)
  }

  succeed(target: Target, dueMs: number, firstByteMs: number): void {
    this.#longer?.succeed(target, dueMs, firstByteMs)
    this.#add('requests')
    this.#delays.record(Math.max(1, Math.round(firstByteMs * 1_000)))
    this.#buckets[target].set(Math.floor(dueMs / bucketMs), true)
  }

  fail(target: Target, dueMs: number, why: string): void {
    this.#longer?.fail(target, dueMs, why)
    this.#add('requests')
    this.#blame(why)
    const bucket = Math.floor(dueMs / bucketMs)
    if (!this.#buckets[target].has(bucket)) this.#buckets[target].set(bucket, false)
  }

  /** A failure of something that is not among the requests. */
  blame(why: string): void {
    this.#longer?.blame(why)
    this.#blame(why)
  }

  get figures(): Figures {
    const of = (what: string): number => this.#counts[what] ?? 0
    const [delays, { web, api }] = [this.#delays, this.#buckets]
    const percentile = (share: number): number => (delays.count === 0 ? 0 : delays.percentile(share) / 1_000)
    return {
      seconds: (performance.now() - this.#beganMs) / 1_000,
      requests: of('requests'),
      unasked: of('unasked'),
      failed: of('failed'),
      failures: Object.fromEntries(this.#failures),
      lostChunks: of('lostChunks'),
      oldChunks: of('oldChunks'),
      streams: { ended: of('streams'), cut: of('streamsCut') },
      events: { got: of('events'), lost: of('eventsLost'), repeated: of('eventsRepeated') },
      uploads: { done: of('uploads'), failed: of('uploadsFailed') },
      sockets: { echoes: of('echoes'), moved: of('moved'), failed: of('socketsFailed') },
      sessionsEnded: of('sessionsEnded'),
      p50Ms: percentile(50),
      p99Ms: percentile(99),
      longestMs: delays.count === 0 ? 0 : delays.max / 1_000,
      outageMs: { web: outage(web), api: outage(api) },
      busy: performance.eventLoopUtilization(this.#used).utilization
    }
  }

  #add(what: string, by = 1): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + by
  }

  #blame(why: string): void {
    this.#add('failed')
    const way = this.#failures.has(why) || this.#failures.size < mostWays - 1 ? why : 'other'
    this.#failures.set(way, (this.#failures.get(way) ?? 0) + 1)
  }
}

function outage(buckets: ReadonlyMap<number, boolean>): number {
  const inOrder = [...buckets].sort(([a], [b]) => a - b)
  let [longest, began] = [0, Number.POSITIVE_INFINITY]
  for (const [bucket, isGood] of inOrder) {
    if (isGood) began = Number.POSITIVE_INFINITY
    else began = Math.min(began, bucket)
    longest = Math.max(longest, isGood ? 0 : bucket + 1 - began)
  }
  return longest * bucketMs
}
