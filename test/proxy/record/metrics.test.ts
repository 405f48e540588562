import t from 'tap'
import { createMetrics } from '../../../proxy/record/metrics.ts'
import { status } from '../../doubles/control-actions.ts'
import { entry, route } from '../../fixtures/access-entry.ts'

/** @returns the series of a scrape by their name and labels */
async function scrape(metrics: ReturnType<typeof createMetrics>): Promise<Map<string, number>> {
  const lines = (await metrics.render()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  const series = new Map<string, number>()
  for (const line of lines) {
    const cut = line.lastIndexOf(' ')
    // Prometheus refuses the whole scrape when a series comes twice.
    if (series.has(line.slice(0, cut))) throw new Error(`twice: ${line}`)
    series.set(line.slice(0, cut), Number(line.slice(cut + 1)))
  }
  return series
}

t.test('requests are counted by route, upstream and class of status; failures by code; bytes by direction', async t => {
  const metrics = createMetrics(() => status)
  metrics.record(entry())
  metrics.record(entry({ status: 204 }))
  metrics.record(entry({ status: 502, code: 'EDGE_UPSTREAM_REFUSED', ended: 'edge' }))
  metrics.record(entry({ status: 0, code: 'EDGE_CLIENT_CLOSED', ended: 'client', ttfb: null, route: null }))
  metrics.record(entry({ status: 999 }))
  const series = await scrape(metrics)
  const labels = (statusClass: string) =>
    `twinedge_requests_total{route="/api/",upstream="api",status="${statusClass}"}`
  t.equal(series.get(labels('2xx')), 2)
  t.equal(series.get(labels('5xx')), 1)
  t.equal(series.get(labels('0xx')), 1, 'a status that no standard knows makes no new label')
  t.equal(series.get('twinedge_requests_total{route="none",upstream="none",status="0xx"}'), 1)
  t.equal(series.get('twinedge_failures_total{code="EDGE_UPSTREAM_REFUSED"}'), 1)
  t.equal(series.get('twinedge_failures_total{code="EDGE_INTERNAL"}'), 0, 'a rate needs the zero before the one')
  t.equal(series.get('twinedge_bytes_total{direction="in"}'), 50)
  t.equal(series.get('twinedge_bytes_total{direction="out"}'), 100)
})

t.test('the link has its series where there is one, and none where there is not', async t => {
  const series = await scrape(createMetrics(() => status))
  t.equal(series.get('twinedge_link_up'), 1)
  t.equal(series.get('twinedge_link_round_trip_seconds'), 0.201)
  t.equal(series.get('twinedge_link_resumed_total'), 2)
  t.equal(series.get('twinedge_link_lines{state="in_use"}'), 3)
  t.equal(series.get('twinedge_link_lines{state="spare"}'), 15)
  const down = { ...status, link: { ...status.link!, state: 'down' as const, roundTripMs: null } }
  const without = await scrape(createMetrics(() => down))
  t.equal(without.get('twinedge_link_up'), 0)
  t.notOk(without.has('twinedge_link_round_trip_seconds'))
  const none = await scrape(createMetrics(() => ({ ...status, link: null })))
  t.notOk([...none.keys()].some(name => name.startsWith('twinedge_link')))
})

t.test('times fall into cumulative buckets up to ten minutes', async t => {
  const metrics = createMetrics(() => status)
  for (const total of [5, 6, 599_000, 700_000]) metrics.record(entry({ total, ttfb: 1 }))
  const series = await scrape(metrics)
  const bucket = (le: string) => series.get(`twinedge_request_seconds_bucket{route="/api/",upstream="api",le="${le}"}`)
  t.same(['0.005', '0.01', '300', '600', '+Inf'].map(bucket), [1, 2, 2, 3, 4])
  t.equal(series.get('twinedge_request_seconds_count{route="/api/",upstream="api"}'), 4)
  t.equal(series.get('twinedge_request_seconds_sum{route="/api/",upstream="api"}'), 0.011 + 1_299)
  t.equal(series.get('twinedge_first_byte_seconds_bucket{route="/api/",upstream="api",le="0.005"}'), 4)
})

t.test('a reload, which brings new route objects, counts on', async t => {
  const metrics = createMetrics(() => status)
  metrics.record(entry())
  metrics.record(entry({ route: { ...route } }))
  metrics.record(entry({ route: { ...route, upstream: 'other' } }))
  const series = await scrape(metrics)
  t.equal(series.get('twinedge_requests_total{route="/api/",upstream="api",status="2xx"}'), 2)
  t.equal(series.get('twinedge_requests_total{route="/api/",upstream="other",status="2xx"}'), 1)
})

t.test('a thousand different paths, hosts and clients make no new series', async t => {
  const metrics = createMetrics(() => status)
  metrics.record(entry())
  const before = (await scrape(metrics)).size
  for (let i = 0; i < 1_000; i++)
    metrics.record(entry({ path: `/${i}`, host: `${i}.test`, client: `::${i}`, id: `${i}` }))
  t.equal((await scrape(metrics)).size, before)
})

t.test('the gauges tell what is so at the moment of the scrape', async t => {
  let now = status
  const metrics = createMetrics(() => now)
  now = { ...status, connections: 7 }
  const series = await scrape(metrics)
  t.equal(series.get('twinedge_connections'), 7)
  t.equal(series.get('twinedge_in_flight{upstream="web",slot="blue"}'), 2)
  t.equal(series.get('twinedge_upstream_up{upstream="web",slot="blue"}'), 1)
  t.equal(series.get('twinedge_upstream_up{upstream="api",slot="only"}'), 0)
  t.equal(series.get('twinedge_slot_active{upstream="web",slot="blue"}'), 1)
  const expiry = series.get('twinedge_certificate_expiry_seconds{domains="example.com www.example.com"}')
  t.equal(expiry, Date.parse(status.certificates[0]!.expiresAt) / 1_000)
  t.ok(series.get('process_resident_memory_bytes')! > 10_000_000)
  t.ok(series.get('process_cpu_seconds_total')! > 0)
})

t.test('two certificates for the same names are one series: the one that ends first', async t => {
  const [first] = status.certificates
  const certificates = [
    first!,
    { ...first!, expiresAt: '2020-01-01T00:00:00.000Z' },
    { ...first!, expiresAt: '2030-01-01T00:00:00.000Z' }
  ]
  const series = await scrape(createMetrics(() => ({ ...status, certificates })))
  t.equal(series.get('twinedge_certificate_expiry_seconds{domains="example.com www.example.com"}'), 1_577_836_800)
})

t.test('an event loop that was held up shows in its lag', async t => {
  const metrics = createMetrics(() => status)
  await new Promise(resolve => setTimeout(resolve, 150))
  const until = performance.now() + 400
  while (performance.now() < until);
  await new Promise(resolve => setTimeout(resolve, 150))
  const lag = (await scrape(metrics)).get('twinedge_event_loop_lag_seconds{quantile="1"}')!
  t.ok(lag > 0.2 && lag < 5, `${lag}`)
})
