import { readFileSync } from 'node:fs'
import t from 'tap'
import { type Field, fields } from '../../../proxy/config/fields.ts'
import { defaultOf } from '../../../proxy/config/settings.ts'
import { settingsPage } from '../../../scripts/settings-table.ts'
import { configOf, faultsOf, least, written } from './written.ts'

t.test('the page of settings is what the rows say: node scripts/settings-table.ts --write', async t => {
  const page = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8')
  t.equal(page, settingsPage())
})

t.test('every default is one that its own kind accepts, and every example too', async t => {
  for (const [path, field] of Object.entries<Field>(fields)) {
    t.notOk([defaultOf(field)].flat().includes(undefined), path)
    const examples = field.example?.replace(/^\[(.*)\]$/, '$1').split(', ') ?? []
    for (const example of examples) t.not(field.kind.read(example.replace(/^["'](.*)["']$/, '$1')), undefined, example)
  }
})

t.test('what is left out has its default', async t => {
  const route = { stream: false, idleMs: 300_000, bodyLimitBytes: 104_857_600, learn: null, owner: [] }
  const config = configOf(least)
  t.strictSame(config, {
    server: 'single',
    domains: ['example.com', 'www.example.com'],
    listen: { http: [{ host: '::', port: 80 }], https: [{ host: '::', port: 443 }] },
    tls: { mode: 'local' },
    peerThumbprint: null,
    hsts: null,
    upstreams: new Map([
      [
        'web',
        {
          name: 'web',
          slots: new Map([['only', 'http://127.0.0.1:3000']]),
          hasElse: false,
          health: null,
          keepAliveMs: 4000,
          connectMs: 5000,
          connections: 0
        }
      ],
      [
        'my-api',
        {
          name: 'my-api',
          slots: new Map([['only', 'http://127.0.0.1:8000']]),
          hasElse: false,
          health: null,
          keepAliveMs: 4000,
          connectMs: 5000,
          connections: 0
        }
      ]
    ]),
    routes: [
      { host: null, path: '/', upstream: 'web', ...route },
      { host: null, path: '/api/', upstream: 'my-api', ...route }
    ],
    assets: null,
    trustedProxies: [],
    link: null,
    limits: {
      connections: 10_000,
      connectionsPerAddress: 512,
      streams: 128,
      headBytes: 32_768,
      headMs: 10_000,
      bodyBytesPerSecond: 1024,
      keepAliveMs: 75_000,
      sendMs: 60_000,
      requestsPerSecond: 0
    },
    log: { level: 'info' },
    control: { socket: '/var/lib/twinedge/control.sock', listen: null },
    stateFolder: '/var/lib/twinedge',
    graceMs: 30_000
  })
})

t.test('paths are relative to the folder of the file', async t => {
  const config = configOf(written('state: data\ntls: { mode: files, certificates: [{ cert: ../a.pem, key: /k.pem }] }'))
  t.equal(config.stateFolder, '/etc/twinedge/data')
  t.equal(config.control.socket, '/etc/twinedge/data/control.sock')
  t.match(config.tls, { certificates: [{ cert: '/etc/a.pem', key: '/k.pem' }] })
  t.equal(configOf(written('control: { socket: run/s }')).control.socket, '/etc/twinedge/run/s')
})

t.test('tls.mode acme is all that certificates need', async t => {
  t.strictSame(configOf(written('tls: { mode: acme }')).tls, {
    mode: 'acme',
    email: null,
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    directoryCa: null,
    profile: null,
    grouping: 'per-domain',
    keyType: 'ecdsa',
    challenges: ['http-01', 'tls-alpn-01'],
    eab: null
  })
})

t.test('what is written for ACME is what is asked of it; its files are relative to the folder of this one', async t => {
  const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
  const { tls, peerThumbprint } = configOf(
    written(`tls:
  mode: acme
  email: ops@example.com
  directory: https://ca.example.com:14000/dir
  directory-ca: certs/root.pem
  profile: shortlived
  grouping: together
  key-type: rsa
  challenges: [tls-alpn-01, http-01]
  peer-thumbprint: ${thumbprint}
  eab: { kid: kid-1, key: ../eab.key }
`)
  )
  t.strictSame(tls, {
    mode: 'acme',
    email: 'ops@example.com',
    directory: 'https://ca.example.com:14000/dir',
    directoryCa: '/etc/twinedge/certs/root.pem',
    profile: 'shortlived',
    grouping: 'together',
    keyType: 'rsa',
    challenges: ['tls-alpn-01', 'http-01'],
    eab: { kid: 'kid-1', keyFile: '/etc/eab.key' }
  })
  t.equal(peerThumbprint, thumbprint)
})

t.test('an external account is a kid and a key, and strict transport security has an age', async t => {
  t.match(faultsOf(written('tls: { mode: acme, eab: { kid: kid-1 } }')), [{ path: 'tls.eab.key', found: 'nothing' }])
  t.match(faultsOf(written('tls: { mode: acme, eab: { key: eab.key } }')), [{ path: 'tls.eab.kid', found: 'nothing' }])
  t.match(faultsOf(written('hsts: { subdomains: true }')), [{ path: 'hsts.max-age', found: 'nothing' }])
})

t.test('the builds of an upstream are kept where Next.js has them, unless more is written', async t => {
  const dayMs = 86_400_000
  t.strictSame(configOf(written('assets: { upstream: web }')).assets, {
    upstream: 'web',
    path: '/_next/static/',
    keepMs: 30 * dayMs,
    bytes: 500 * 1024 ** 2
  })
  const { assets } = configOf(written('assets: { upstream: web, path: /files/, keep: 365d, size: 2g }'))
  t.match(assets, { path: '/files/', keepMs: 365 * dayMs, bytes: 2 * 1024 ** 3 })
  t.match(faultsOf(written('assets: { keep: 1d }')), [{ path: 'assets.upstream', found: 'nothing' }])
})

t.test('strict transport security is for its own host only, unless more is written', async t => {
  const yearMs = 365 * 86_400_000
  t.strictSame(configOf(written('hsts: { max-age: 365d }')).hsts, {
    maxAgeMs: yearMs,
    subdomains: false,
    preload: false
  })
  t.strictSame(configOf(written('hsts: { max-age: 3650d, subdomains: true, preload: true }')).hsts, {
    maxAgeMs: 10 * yearMs,
    subdomains: true,
    preload: true
  })
  t.match(faultsOf(written('hsts: { max-age: 3651d }')), [{ path: 'hsts.max-age', expected: /at most 3650d/ }])
})

t.test('a link is the other server, and the port of ours unless another is said', async t => {
  const linked = (link: string): unknown => configOf(written(`link: { ${link} }`)).link
  const everywhere = [{ host: '::', port: 7443 }]
  t.strictSame(linked('peer: 203.0.113.7'), { listen: everywhere, peer: { host: '203.0.113.7', port: 7443 }, from: [] })
  t.strictSame(linked('peer: "2001:db8::7", from: [198.51.100.7, "fd00::/8"]'), {
    listen: everywhere,
    peer: { host: '2001:db8::7', port: 7443 },
    from: ['198.51.100.7/32', 'fd00::/8']
  })
  t.match(linked('peer: us.example.net, listen: 7500'), { peer: { host: 'us.example.net', port: 7500 } })
  t.match(linked('peer: "us.example.net:7501", listen: 7500'), { peer: { port: 7501 } })
  t.match(
    linked('peer: 203.0.113.7, listen: ["127.0.0.1:0", 7500]'),
    { peer: { port: 7443 } },
    'one the kernel chooses'
  )
  t.match(faultsOf(written('link: { listen: 7500 }')), [{ path: 'link.peer', found: 'nothing', expected: /203/ }])
})

t.test("an upstream may be the other server's, or ours and else the other server's", async t => {
  const { upstreams } = configOf(
    written(`link: { peer: 203.0.113.7 }
upstreams:
  my-api: { origin: peer }
  web: { slots: { blue: "http://127.0.0.1:1", green: "http://127.0.0.1:2" }, health: { path: / }, else: peer }
`)
  )
  t.match(upstreams.get('my-api'), { slots: new Map([['peer', 'peer']]), hasElse: false, health: null })
  t.match(upstreams.get('web'), { hasElse: true, health: { path: '/' } })
  t.equal(upstreams.get('web')?.slots.size, 2)
})

t.test('a single value may stand for a list of one', async t => {
  const config = configOf(written('domains: example.com\nlisten: { https: [443, "127.0.0.1:8443"] }'))
  t.strictSame(config.domains, ['example.com'])
  t.strictSame(config.listen.https[1], { host: '127.0.0.1', port: 8443 })
})

t.test('a wildcard needs no quotes to be told that it is not supported', async t => {
  t.match(faultsOf(written('domains: [example.com, *.example.com]')), [
    { path: 'domains[1]', line: 5, expected: /wildcards/ }
  ])
})

t.test('every fault comes at once, each with its path and line', async t => {
  const faults = faultsOf(`server: fronted
domains: [example.com]
upstreams:
  web:
    origin: http://127.0.0.1:3000
    health: { status: 99 }
routes:
  - path: /
    upstream: web
    idle: 600 parsecs
  - { path: /b, upstream: web, body: [1] }
limits: 5
grace: { x: 1 }
`)
  const places = faults.map(({ path, line }) => `${path} ${line}`)
  t.strictSame(places.sort(), [
    'grace 13',
    'limits 12',
    'routes[0].idle 10',
    'routes[1].body 11',
    'server 1',
    'upstreams.web.health.path 6',
    'upstreams.web.health.status 6'
  ])
  t.match(
    faults.find(fault => fault.path === 'server'),
    { nearest: 'frontend' }
  )
})

t.test('an unknown key names the nearest that is known', async t => {
  const faults = faultsOf(written('routes: [{ path: /, upstream: web, idel: 600s }]\nlimit: {}\n'))
  t.match(faults, [
    { path: 'routes[0].idel', line: 5, found: 'the unknown key "idel"', nearest: 'idle' },
    { path: 'limit', line: 6, nearest: 'limits' }
  ])
})

t.test('a key of nginx or of another place leads to where the setting is', async t => {
  const faults = faultsOf(written('client_max_body_size: 100m\nidle: 600s\n'))
  t.match(faults, [{ nearest: 'routes[].body' }, { nearest: 'routes[].idle' }])
})

t.test('what was misspelt is not also missing', async t => {
  t.match(faultsOf(least.replace('server:', 'sever:')), [{ path: 'sever', nearest: 'server' }])
  t.equal(faultsOf(least.replace('server:', 'sever:')).length, 1)
  t.equal(faultsOf(least.replace('upstreams:', 'upstreems:')).length, 1)
  t.equal(faultsOf(least.replace('origin:', 'orgin:')).length, 1)
  t.equal(faultsOf(least.replace('{ origin: "http://127.0.0.1:3000" }', '{ slot: { a: "http://a" } }')).length, 1)
  t.equal(faultsOf(`${least}tls: { mode: files, certificate: [{ cert: a, key: b }] }`).length, 1)
})

t.test('a name that no variable could spell is refused', async t => {
  t.match(
    faultsOf(
      written(
        'upstreams: { web: { origin: "http://a" }, my-api: { origin: "http://b" }, My_Api: { origin: "http://c" } }'
      )
    ),
    [{ path: 'upstreams.My_Api', found: '"My_Api"' }]
  )
})

t.test('a key with nothing after it is a fault', async t => {
  t.match(faultsOf(written('grace:\n')), [{ path: 'grace', line: 5, found: 'nothing' }])
  t.match(faultsOf(written('limits:\n')), [
    { path: 'limits', line: 5, found: 'nothing', expected: /a map with connections/ }
  ])
})

t.test('the keys of JavaScript are no settings', async t => {
  for (const key of ['__proto__', 'constructor', 'toString']) {
    t.match(faultsOf(`${least}${key}: { x: 1 }\n`), [{ path: key, line: 5 }])
  }
})
