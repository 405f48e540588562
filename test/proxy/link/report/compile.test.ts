import t from 'tap'
import type { EdgeConfig } from '../../../../proxy/config/config.ts'
import type { UpstreamStatus } from '../../../../proxy/control/protocol.ts'
import { type Facts, factsOf, REPORT_PROTOCOL, reportOf } from '../../../../proxy/link/report/compile.ts'
import { LARGEST_REPORT_BYTES, readReport } from '../../../../proxy/link/report/read.ts'
import { startEdge, yamlFor } from '../../../doubles/edge.ts'
import { configOf } from '../../config/written.ts'
import { certificate, now, thumbprint } from './world.ts'

/** An edge with one upstream. @param said of it, in the configuration */
function configWith(said: string, more = ''): EdgeConfig {
  return configOf(`server: frontend
domains: [example.com]
upstreams: { api: { ${said} }, unused: { origin: "http://127.0.0.1:9" } }
routes: [{ path: /, upstream: api }]
link: { peer: "203.0.113.7:7443" }
${more}`)
}

const own = configWith('origin: "http://127.0.0.1:8000", health: { path: / }')
const both = configWith('origin: "http://127.0.0.1:8000", else: peer, health: { path: / }')
const peers = configWith('origin: peer')

function slot(differences: Partial<UpstreamStatus> = {}): UpstreamStatus {
  return {
    name: 'api',
    slot: 'only',
    origin: 'http://127.0.0.1:8000',
    isActive: true,
    health: 'up',
    lastProbe: '200 ok',
    inFlight: 0,
    streams: 0,
    webSockets: 0,
    connections: 0,
    owned: 0,
    drain: null,
    hold: { mode: 'open', waiting: 0 },
    tally: { since: '', requests: 0, failed: 0, streamsCut: 0, longestMs: 0 },
    ...differences
  }
}

function facts(differences: Partial<Facts> = {}): Facts {
  return {
    config: own,
    version: '1.0.0',
    now,
    isStopping: false,
    thumbprint,
    certificates: [certificate()],
    upstreams: [slot()],
    assets: { upstream: null, build: null },
    look: () => ({ isGood: true, saw: '200 there' }),
    ...differences
  }
}

function upstreamOf(differences: Partial<Facts>) {
  return reportOf(facts(differences)).upstreams[0]
}

t.test('a report tells who it is, what it serves and how, and what must be the same', async t => {
  t.match(reportOf(facts()), {
    protocol: REPORT_PROTOCOL,
    version: '1.0.0',
    server: 'frontend',
    now,
    isStopping: false,
    thumbprint,
    tlsMode: 'local',
    domains: ['example.com'],
    certificates: [certificate()],
    agreed: { domains: 'example.com' }
  })
  t.ok(reportOf(facts({ isStopping: true })).isStopping)
})

t.test('only upstreams that a route leads to are told of', async t => {
  t.same(
    reportOf(facts()).upstreams.map(({ name }) => name),
    ['api']
  )
})

t.test('an upstream of its own is as its health check says', async t => {
  const good = {
    name: 'api',
    isLocal: true,
    isUp: true,
    isBorrowed: false,
    isChecked: true,
    saw: '200 ok',
    build: null
  }
  t.same(upstreamOf({}), good)
  const down = slot({ health: 'down', lastProbe: 'ECONNREFUSED' })
  t.same(upstreamOf({ upstreams: [down] }), { ...good, isUp: false, saw: 'ECONNREFUSED' })
  const idle = slot({ slot: 'green', isActive: false, health: 'unchecked' })
  t.same(upstreamOf({ upstreams: [idle, down] }), { ...good, isUp: false, saw: 'ECONNREFUSED' }, 'the slot that serves')
  const other = slot({ name: 'unused' })
  t.same(upstreamOf({ upstreams: [other, down] }), { ...good, isUp: false, saw: 'ECONNREFUSED' }, 'this upstream')
  const unknown = slot({ health: 'unknown', lastProbe: null })
  t.same(upstreamOf({ upstreams: [unknown] }), { ...good, isUp: false, saw: 'no probe yet' })
  const unchecked = slot({ health: 'unchecked', lastProbe: null })
  t.same(upstreamOf({ upstreams: [unchecked] }), { ...good, isChecked: false, saw: 'not checked' })
  t.equal(upstreamOf({ upstreams: [slot({ lastProbe: 'x'.repeat(9_000) })] })?.saw.length, 200)
})

t.test('one that is held serves nobody, wherever it is', async t => {
  for (const config of [own, both, peers]) {
    const paused = upstreamOf({ config, upstreams: [slot({ hold: { mode: 'paused', waiting: 3 } })] })
    t.match(paused, { isUp: false, isBorrowed: false, saw: 'paused, until: twinedge slots resume api' })
    const closed = upstreamOf({ config, upstreams: [slot({ hold: { mode: 'maintenance', waiting: 0 } })] })
    t.match(closed, { isUp: false, saw: 'under maintenance, until: twinedge slots resume api' })
  }
})

t.test('one that is the peer’s is as the peer says, and borrowed', async t => {
  const upstreams = [slot({ slot: 'peer', origin: 'peer', health: 'up', lastProbe: null })]
  t.match(upstreamOf({ config: peers, upstreams }), {
    isLocal: false,
    isUp: true,
    isBorrowed: true,
    isChecked: true,
    saw: '200 there'
  })
  const look = (name: string) => ({ isGood: false, saw: `${name}: 503` })
  t.match(upstreamOf({ config: peers, upstreams, look }), {
    isLocal: false,
    isUp: false,
    isBorrowed: true,
    saw: 'api: 503'
  })
})

t.test('one with the peer’s behind it is borrowed while its own is down', async t => {
  t.match(upstreamOf({ config: both }), { isLocal: true, isUp: true, isBorrowed: false, saw: '200 ok' })
  const upstreams = [slot({ health: 'down', lastProbe: '503' })]
  const saw = 'here: 503; on the other server: 200 there'
  t.match(upstreamOf({ config: both, upstreams }), { isLocal: true, isUp: true, isBorrowed: true, saw })
  t.match(
    upstreamOf({ config: own, upstreams }),
    { isUp: false, isBorrowed: false, saw: '503' },
    'only if it is set so'
  )
  const look = () => ({ isGood: false, saw: '502' })
  t.match(upstreamOf({ config: both, upstreams, look }), { isUp: false, saw: 'here: 503; on the other server: 502' })
})

t.test('an origin on the other server is borrowed from it, link or not', async t => {
  for (const [host, peer] of [
    ['203.0.113.7', '203.0.113.7:7443'],
    ['[2001:db8::7]', '[2001:db8::7]:7443'],
    ['back.test', 'back.test:7443']
  ]) {
    const config = configOf(`server: frontend
domains: [example.com]
upstreams: { api: { origin: "http://${host}:8000" } }
routes: [{ path: /, upstream: api }]
link: { peer: "${peer}" }
`)
    const upstreams = [slot({ origin: `http://${host}:8000` })]
    t.match(upstreamOf({ config, upstreams }), { isLocal: true, isUp: true, isBorrowed: true }, `${host}`)
    t.match(upstreamOf({ config, upstreams: [slot()] }), { isBorrowed: false })
    t.match(upstreamOf({ config: { ...config, link: null }, upstreams }), { isBorrowed: false })
    const near = slot({ origin: 'http://127.0.0.1:8000' })
    const machine = { ...config, link: { ...config.link!, peer: { host: '127.0.0.1', port: 7443 } } }
    t.match(upstreamOf({ config: machine, upstreams: [near] }), { isBorrowed: false }, 'two edges on one machine')
  }
})

t.test('the newest build is told of the upstream whose builds are kept', async t => {
  t.equal(upstreamOf({ assets: { upstream: 'api', build: 'aa' } })?.build, 'aa')
  t.equal(upstreamOf({ assets: { upstream: 'web', build: 'aa' } })?.build, null)
})

t.test('the facts of a running edge', async t => {
  const edge = {
    config: own,
    keyring: { status: [certificate()], challenges: { thumbprint } },
    assets: {
      status: {
        upstream: 'api',
        builds: [
          { id: 'new', at: '', files: 1 },
          { id: 'old', at: '', files: 1 }
        ]
      }
    },
    health: { status: 'stopping' as const },
    status: () => ({ version: '1.2.3', upstreams: [slot()] })
  }
  const look = (name: string) => ({ isGood: true, saw: name })
  const found = factsOf(edge, { fault: null, look }, now)
  t.match(found, {
    config: own,
    version: '1.2.3',
    now,
    isStopping: true,
    thumbprint,
    certificates: [certificate()],
    upstreams: [{ name: 'api' }],
    assets: { upstream: 'api', build: 'new' }
  })
  t.same(found.look('api'), { isGood: true, saw: 'api' })
  const fault = { code: 'LINK_DOWN', detail: 'ETIMEDOUT' } as const
  t.same(factsOf(edge, { fault, look }, now).look('api'), { isGood: false, saw: 'ETIMEDOUT' }, 'what was told is over')
  t.same(factsOf(edge, null, now).look('api'), { isGood: false, saw: 'there is no link' })
  const bare = { ...edge, health: { status: 'ok' as const }, assets: { status: { upstream: null, builds: [] } } }
  t.match(factsOf(bare, null, now), { isStopping: false, assets: { upstream: null, build: null } })
})

t.test('a running edge tells of itself what another one understands', async t => {
  const { edge } = await startEdge(t, yamlFor({ web: 'http://127.0.0.1:9' }))
  const told = reportOf(factsOf(edge, null, Date.now()))
  t.same(readReport(JSON.stringify(told)), told)
  t.match(told, {
    server: 'single',
    isStopping: false,
    tlsMode: 'local',
    domains: ['localhost', 'example.test'],
    certificates: [{ domains: ['localhost', 'example.test'], isLocal: true }],
    upstreams: [{ name: 'web', isLocal: true, isUp: true, isChecked: false, isBorrowed: false }]
  })
  const stopping = edge.stop()
  t.ok(reportOf(factsOf(edge, null, Date.now())).isStopping)
  await stopping
})

t.test('what one edge tells, the other understands, with 200 domains and 200 routes as well', async t => {
  const domains = Array.from({ length: 200 }, (_, i) => `www.some-longer-name-${i}.example.com`)
  const routes = Array.from(
    { length: 200 },
    (_, i) => `{ path: /some/longer/path-${1000 + i}/, upstream: api, idle: ${i + 1}s }`
  )
  const config = configOf(`server: frontend
domains: [${domains}]
upstreams: { api: { origin: "http://127.0.0.1:8000" } }
routes: [${routes}]
`)
  const certificates = domains.map(domain => certificate({ domains: [domain] }))
  for (const report of [reportOf(facts()), reportOf(facts({ config, certificates, thumbprint: null }))]) {
    const json = JSON.stringify(report)
    t.comment(`${json.length} bytes`)
    t.ok(json.length < LARGEST_REPORT_BYTES)
    t.same(readReport(json), report)
  }
})
