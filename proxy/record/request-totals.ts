import type { RouteConfig } from '../config/config.ts'
import type { FailureCode } from '../errors.ts'
import { type AccessEntry, routeLabel } from './access-line.ts'

/** Upper bounds in seconds; the longest route waits 600 s. */
export const bucketSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

/** How times are spread: `counts[i]` of them within `bucketSeconds[i]` and above the bucket before; the last: longer. */
export interface Spread {
  readonly counts: Float64Array
  sumSeconds: number
}

/** Labels come from the configuration only, so no stranger can grow their number. */
export interface RouteTotals {
  readonly labels: { readonly route: string; readonly upstream: string }
  /** Requests by status class: [1] for 1xx to [5] for 5xx, [0] for those that got no answer. */
  readonly classes: Float64Array
  readonly total: Spread
  readonly firstByte: Spread
}

/** What the requests so far add up to. `add` runs once per request: additions only, nothing is allocated or formatted. */
export class RequestTotals {
  bytesIn = 0
  bytesOut = 0
  readonly failures = new Map<FailureCode, number>()
  /** By label: a reload brings new route objects, and the counting goes on. */
  readonly #byLabel = new Map<string, RouteTotals>()
  readonly #byRoute = new WeakMap<RouteConfig, RouteTotals>()
  readonly #unrouted = this.#totalsOf('none', 'none')

  add(entry: AccessEntry): void {
    const { route, status, code } = entry
    const totals = route === null ? this.#unrouted : (this.#byRoute.get(route) ?? this.#meet(route))
    const statusClass = Math.trunc(status / 100)
    totals.classes[statusClass <= 5 ? statusClass : 0]! += 1
    place(totals.total, entry.total)
    if (entry.ttfb !== null) place(totals.firstByte, entry.ttfb)
    this.bytesIn += entry.in
    this.bytesOut += entry.out
    if (code !== null) this.failures.set(code, (this.failures.get(code) ?? 0) + 1)
  }

  get routes(): RouteTotals[] {
    return [...this.#byLabel.values()]
  }

  #meet(route: RouteConfig): RouteTotals {
    const totals = this.#totalsOf(routeLabel(route), route.upstream)
    this.#byRoute.set(route, totals)
    return totals
  }

  #totalsOf(route: string, upstream: string): RouteTotals {
    const key = `${route} ${upstream}`
    const known = this.#byLabel.get(key)
    if (known !== undefined) return known
    const totals = { labels: { route, upstream }, classes: new Float64Array(6), total: empty(), firstByte: empty() }
    this.#byLabel.set(key, totals)
    return totals
  }
}

function empty(): Spread {
  return { counts: new Float64Array(bucketSeconds.length + 1), sumSeconds: 0 }
}

function place(spread: Spread, ms: number): void {
  const seconds = ms / 1_000
  let bucket = 0
  while (bucket < bucketSeconds.length && seconds > bucketSeconds[bucket]!) bucket += 1
  spread.counts[bucket]! += 1
  spread.sumSeconds += seconds
}
