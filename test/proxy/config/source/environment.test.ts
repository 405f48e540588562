import t from 'tap'
import { fields } from '../../../../proxy/config/fields.ts'
import { configOf, faultsOf, least, written } from '../written.ts'

t.test('a variable is written over the file', async t => {
  const config = configOf(least, {
    EDGE_LISTEN_HTTPS: '8443',
    EDGE_UPSTREAMS_WEB_ORIGIN: 'http://127.0.0.1:1',
    EDGE_UPSTREAMS_MY_API_ORIGIN: 'http://127.0.0.1:2',
    EDGE_UPSTREAMS_MY_API_KEEP_ALIVE: '1s',
    EDGE_ROUTES_1_IDLE: '600s',
    EDGE_TRUSTED_PROXIES: '[10.0.0.0/8]',
    EDGE_LIMITS_REQUESTS_PER_SECOND: '7',
    EDGE_GRACE: '5s'
  })
  t.match(config, {
    listen: { https: [{ host: '::', port: 8443 }] },
    trustedProxies: ['10.0.0.0/8'],
    limits: { requestsPerSecond: 7, connections: 10_000 },
    graceMs: 5000
  })
  t.equal(config.upstreams.get('web')?.slots.get('only'), 'http://127.0.0.1:1')
  t.equal(config.upstreams.get('my-api')?.slots.get('only'), 'http://127.0.0.1:2')
  t.equal(config.upstreams.get('my-api')?.keepAliveMs, 1000)
  t.strictSame(
    config.routes.map(route => route.idleMs),
    [300_000, 600_000]
  )
})

t.test('whole lists and maps come as YAML, and their parts after them', async t => {
  const config = configOf(least, {
    EDGE_UPSTREAMS: '{ other: { origin: "http://127.0.0.1:9" } }',
    EDGE_UPSTREAMS_OTHER_HEALTH_PATH: '/up',
    EDGE_ROUTES: '[{ path: /, upstream: other }]',
    EDGE_ROUTES_1: '{ path: /b, upstream: other }',
    EDGE_ROUTES_2_PATH: '/c',
    EDGE_ROUTES_2_UPSTREAM: 'other',
    EDGE_DOMAINS: 'example.com',
    EDGE_TLS: '{ mode: files }',
    EDGE_TLS_CERTIFICATES_0_CERT: 'a.pem',
    EDGE_TLS_CERTIFICATES_0_KEY: '/b.pem'
  })
  t.strictSame([...config.upstreams.keys()], ['other'])
  t.equal(config.upstreams.get('other')?.health?.path, '/up')
  t.strictSame(
    config.routes.map(route => route.path),
    ['/', '/b', '/c']
  )
  t.strictSame(config.domains, ['example.com'])
  t.strictSame(config.tls, {
    mode: 'files',
    certificates: [{ domains: [], cert: '/etc/twinedge/a.pem', key: '/b.pem' }]
  })
})

t.test('the eleventh route is after the third', async t => {
  const env = Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => [`EDGE_ROUTES_${at}`, `{ path: /${at}, upstream: web }`])
  )
  t.equal(configOf(least, env).routes.length, 12)
})

t.test('every setting has a variable', async t => {
  const file = written(`
listen: { http: 80 }
tls: { mode: files, certificates: [{ cert: a, key: b }] }
upstreams: { web: { slots: { blue: "http://a" }, health: { path: / } } }
routes: [{ path: /, upstream: web }]
`)
  for (const path of Object.keys(fields)) {
    const steps = path.replace('slots.*', 'slots.blue').replace('*', 'web').replace('[]', '.0')
    const variable = `EDGE_${steps.replace(/[^a-z0-9]+/g, '_').toUpperCase()}`
    const faults = faultsOf(file, { [variable]: '%%', EDGE_NO_SUCH: 'x' })
    t.ok(
      faults.some(fault => fault.variable === variable && fault.found.includes('%%')) ||
        /body|socket|state|cert|key$|directory-ca|profile|kid$/.test(path),
      path
    )
    t.notOk(
      faults.some(fault => fault.variable === variable && fault.found === 'an unknown variable'),
      variable
    )
  }
})

t.test('what YAML would spoil is taken as it stands', async t => {
  const config = configOf(least, {
    EDGE_CONTROL_LISTEN: '[::1]:9100',
    EDGE_LISTEN_HTTP: '[::]:8080',
    EDGE_UPSTREAMS_WEB_HEALTH_PATH: '/',
    EDGE_UPSTREAMS_WEB_HEALTH_BODY: '"status":"ok"'
  })
  t.strictSame(config.control.listen, { host: '::1', port: 9100 })
  t.strictSame(config.listen.http, [{ host: '::', port: 8080 }])
  t.equal(config.upstreams.get('web')?.health?.body, '"status":"ok"')
})

t.test('a fault names its variable, and has no line', async t => {
  t.strictSame(faultsOf(least, { EDGE_ROUTES_0_IDLE: '600 parsecs' }), [
    {
      path: 'routes[0].idle',
      line: null,
      variable: 'EDGE_ROUTES_0_IDLE',
      found: '"600 parsecs"',
      expected: 'a duration such as 600s, 5m or 250ms, above 0 and at most 24d'
    }
  ])
  t.match(faultsOf(least, { EDGE_ROUTES: '[{' }), [{ path: 'routes', line: null, variable: 'EDGE_ROUTES' }])
})

t.test('a variable that fits no setting names the nearest that does', async t => {
  const wrong = {
    EDGE_LISTEN_HTPS: 'EDGE_LISTEN_HTTPS',
    EDGE_UPSTREAMS_MY_APY_ORIGIN: 'EDGE_UPSTREAMS_MY_API_ORIGIN',
    EDGE_ROUTES_1_IDEL: 'EDGE_ROUTES_1_IDLE'
  }
  for (const [variable, nearest] of Object.entries(wrong)) {
    t.match(faultsOf(least, { [variable]: '1' }), [{ variable, line: null, nearest }])
  }
  t.match(faultsOf(least, { EDGE_ROUTES_9_IDLE: '1s' }), [
    { variable: 'EDGE_ROUTES_9_IDLE', found: 'an unknown variable' }
  ])
})

t.test('a variable that fits two settings is refused', async t => {
  const two = written(
    'upstreams: { web: { origin: "http://a" }, web-health: { origin: "http://b" }, my-api: { origin: "http://c" } }'
  )
  t.match(faultsOf(two, { EDGE_UPSTREAMS_WEB_HEALTH: '{ path: / }' }), [
    { expected: /upstreams\.web\.health and upstreams\.web-health/ }
  ])
})

t.test('EDGE_CONFIG, empty variables and those of others are left alone', async t => {
  t.strictSame(configOf(least, { EDGE_CONFIG: '/x', EDGE_GRACE: '', EDGES: 'x', PATH: '/bin' }), configOf(least))
})
