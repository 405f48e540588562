import { monitorEventLoopDelay } from 'node:perf_hooks'
import { cpuUsage, memoryUsage } from 'node:process'
import { type Metric, Registry } from 'prom-client'
import type { LinkSummary, StatusAnswer } from '../control/protocol.ts'
import { type FailureCode, failures } from '../errors.ts'
import type { AccessEntry } from './access-line.ts'
import { bucketSeconds, RequestTotals, type Spread } from './request-totals.ts'

/** What is read when somebody asks, not counted as it happens. */
export type Gauges = Pick<StatusAnswer, 'connections' | 'upstreams' | 'certificates' | 'renewals' | 'link'>

export interface Metrics {
  record(entry: AccessEntry): void
  /** @returns the Prometheus text format, version 0.0.4 */
  render(): Promise<string>
}

interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}
type Kind = 'counter' | 'gauge' | 'histogram'
type Publish = (kind: Kind, name: string, help: string, read: () => Sample[]) => void

/** @param gauges asked when somebody scrapes */
export function createMetrics(gauges: () => Gauges): Metrics {
  const registry = new Registry()
  const totals = new RequestTotals()
  // prom-client's own counters look up their labels at every increment: here it only writes out what was added up.
  const publish: Publish = (type, name, help, read) =>
    registry.registerMetric({
      name,
      help,
      type,
      get: async () => ({ name, help, type, values: read() })
    } as never as Metric)
  publishRequests(publish, totals)
  publishGauges(publish, gauges)
  publishLink(publish, gauges)
  publishProcess(publish)
  return { record: entry => totals.add(entry), render: () => registry.metrics() }
}

function publishRequests(publish: Publish, totals: RequestTotals): void {
  publish('counter', 'twinedge_requests_total', 'Requests that ended, by class of status (0xx: no answer)', () =>
    totals.routes.flatMap(({ labels, classes }) =>
      Array.from(classes, (value, i) => ({ labels: { ...labels, status: `${i}xx` }, value })).filter(isSeen)
    )
  )
  const seconds = 'twinedge_request_seconds'
  publish('histogram', seconds, 'From the first byte of a request to its end', () =>
    totals.routes.flatMap(({ labels, total }) => spreadSamples(seconds, labels, total))
  )
  const firstByte = 'twinedge_first_byte_seconds'
  publish('histogram', firstByte, 'From the first byte of a request to the first byte of its answer', () =>
    totals.routes.flatMap(route => spreadSamples(firstByte, route.labels, route.firstByte))
  )
  const codes = (Object.keys(failures) as FailureCode[]).filter(code => failures[code].status !== 0)
  publish('counter', 'twinedge_failures_total', 'Requests that failed, by code', () =>
    codes.map(code => ({ labels: { code }, value: totals.failures.get(code) ?? 0 }))
  )
  publish('counter', 'twinedge_bytes_total', 'Bytes of bodies, in from clients and out to them', () => [
    { labels: { direction: 'in' }, value: totals.bytesIn },
    { labels: { direction: 'out' }, value: totals.bytesOut }
  ])
}

function publishGauges(publish: Publish, gauges: () => Gauges): void {
  const slots = () => gauges().upstreams.map(slot => ({ ...slot, labels: { upstream: slot.name, slot: slot.slot } }))
  publish('gauge', 'twinedge_connections', 'Client connections open now', () => [
    { labels: {}, value: gauges().connections }
  ])
  publish('gauge', 'twinedge_in_flight', 'Requests in flight to each slot', () =>
    slots().map(({ labels, inFlight }) => ({ labels, value: inFlight }))
  )
  publish('gauge', 'twinedge_upstream_up', '1 unless the health check says down', () =>
    slots().map(({ labels, health }) => ({ labels, value: health === 'down' ? 0 : 1 }))
  )
  publish('gauge', 'twinedge_slot_active', '1 for the slot of an upstream that serves', () =>
    slots().map(({ labels, isActive }) => ({ labels, value: isActive ? 1 : 0 }))
  )
  publish('gauge', 'twinedge_certificate_expiry_seconds', 'When a certificate ends, in seconds since 1970', () =>
    soonestExpiry(gauges().certificates)
  )
  const renewals = () =>
    gauges().renewals.map(renewal => ({ ...renewal, labels: { domains: renewal.domains.join(' ') } }))
  publish('gauge', 'twinedge_certificate_renewal_failures', 'Orders of a certificate that failed, in a row', () =>
    renewals().map(({ labels, failures }) => ({ labels, value: failures }))
  )
  publish('gauge', 'twinedge_certificate_renewal_seconds', 'When it is ordered next, in seconds since 1970', () =>
    renewals().map(({ labels, nextAt }) => ({ labels, value: Date.parse(nextAt) / 1_000 }))
  )
}

/** Nothing where there is no link. */
function publishLink(publish: Publish, gauges: () => Gauges): void {
  const sample = (read: (link: LinkSummary) => number | null) => (): Sample[] => {
    const { link } = gauges()
    const value = link === null ? null : read(link)
    return value === null ? [] : [{ labels: {}, value }]
  }
  const up = sample(({ state }) => (state === 'up' ? 1 : 0))
  publish('gauge', 'twinedge_link_up', '1 while the link to the other server is up', up)
  const trip = sample(({ roundTripMs }) => (roundTripMs === null ? null : roundTripMs / 1_000))
  publish('gauge', 'twinedge_link_round_trip_seconds', 'The shortest of the last round trips to the other server', trip)
  const resumed = sample(({ lines }) => lines.resumed)
  publish('counter', 'twinedge_link_resumed_total', 'Lines that went on after their connection was lost', resumed)
  publish(
    'gauge',
    'twinedge_link_lines',
    'Lines to the other server that wait or are in use, and lines from it',
    () => {
      const { spare = 0, inUse = 0, incoming = 0 } = gauges().link?.lines ?? {}
      if (gauges().link === null) return []
      return Object.entries({ spare, in_use: inUse, incoming }).map(([state, value]) => ({ labels: { state }, value }))
    }
  )
}

/** Two certificates may serve the same names (RSA and ECDSA): one series for both, or the scrape is refused whole. */
function soonestExpiry(certificates: Gauges['certificates']): Sample[] {
  const soonest = new Map<string, number>()
  for (const { domains, expiresAt } of certificates) {
    const name = domains.join(' ')
    soonest.set(name, Math.min(Date.parse(expiresAt) / 1_000, soonest.get(name) ?? Number.POSITIVE_INFINITY))
  }
  return Array.from(soonest, ([domains, value]) => ({ labels: { domains }, value }))
}

/** Of prom-client's default set only what costs nothing while nobody asks: not its hooks into the garbage collector. */
function publishProcess(publish: Publish): void {
  const lag = watchEventLoop()
  publish('counter', 'process_cpu_seconds_total', 'Processor time of this process, user and system', () => {
    const { user, system } = cpuUsage()
    return [{ labels: {}, value: (user + system) / 1e6 }]
  })
  publish('gauge', 'process_resident_memory_bytes', 'Resident memory of this process', () => [
    { labels: {}, value: memoryUsage.rss() }
  ])
  publish('gauge', 'twinedge_event_loop_lag_seconds', 'How late the event loop was since the scrape before', () => {
    const values = [0.5, 0.99, 1].map(quantile => ({ labels: { quantile }, value: lagAt(lag, quantile) }))
    lag.reset()
    return values
  })
}

/** Ten looks a second: prom-client's hundred keep an idle process awake. */
const lookMs = 100
type LagHistogram = ReturnType<typeof monitorEventLoopDelay>

function watchEventLoop(): LagHistogram {
  const lag = monitorEventLoopDelay({ resolution: lookMs })
  lag.enable()
  return lag
}

/** The kernel's histogram holds the time from look to look, in nanoseconds; what is above the interval was waiting. */
function lagAt(lag: LagHistogram, quantile: number): number {
  return lag.count === 0 ? 0 : Math.max(0, lag.percentile(quantile * 100) / 1e9 - lookMs / 1_000)
}

function spreadSamples(name: string, labels: Sample['labels'], { counts, sumSeconds }: Spread): Sample[] {
  let count = 0
  const samples: Sample[] = Array.from(counts, (value, i) => {
    count += value
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bucketSeconds[i] ?? '+Inf' }, value: count }
  })
  samples.push({ metricName: `${name}_sum`, labels, value: sumSeconds })
  samples.push({ metricName: `${name}_count`, labels, value: count })
  return samples
}

function isSeen({ value }: Sample): boolean {
  return value > 0
}
