import t from 'tap'
import { configOf, faultsOf, least, written } from './written.ts'

/** Lines after the least → the path, what was found or expected, and the name offered. */
function refuses(promise: string, lines: string, wanted: object): void {
  t.test(promise, async t => {
    const faults = faultsOf(written(lines))
    t.match(faults, [{ line: 5, ...wanted }])
    t.equal(faults.length, 1, 'and nothing else')
  })
}

refuses('there is at least one domain', 'domains: []', { path: 'domains', expected: /at least one/ })
refuses('there is at least one route', 'routes: []', { path: 'routes', expected: /at least one/ })
refuses('a domain is named once', 'domains: [example.com, EXAMPLE.com]', { path: 'domains[1]', expected: /once/ })
refuses("a route's upstream exists", 'routes: [{ path: /, upstream: wep }]', {
  path: 'routes[0].upstream',
  nearest: 'web'
})
refuses("a route's host is one of the domains", 'routes: [{ path: /, upstream: web, host: ww.example.com }]', {
  path: 'routes[0].host',
  nearest: 'www.example.com'
})
refuses('two routes differ', 'routes: [{ path: /a, upstream: web }, { path: /a, upstream: my-api }]', {
  path: 'routes[1].path',
  expected: /than routes\[0\]/
})

const alone = (more: string): string =>
  `routes: [{ path: /, upstream: web, ${more} }, { path: /api/, upstream: my-api }]`
refuses('whoever asks for the owner of a stream learns of streams', alone('owner: body:id'), {
  path: 'routes[0].owner',
  found: 'no learn on any route to web'
})
refuses('whoever learns of streams asks for their owners', alone('learn: id'), {
  path: 'routes[0].learn',
  found: 'no owner on any route to web'
})

refuses('builds are those of an upstream that exists', 'assets: { upstream: wep }', {
  path: 'assets.upstream',
  nearest: 'web'
})
refuses('files of builds are below a folder', 'assets: { upstream: web, path: /static }', {
  path: 'assets.path',
  expected: 'a folder: /static/'
})

const pair = (web: string): string => `upstreams: { web: ${web}, my-api: { origin: "http://b" } }`
refuses('an upstream has one origin or slots, not both', pair('{ origin: "http://a", slots: { blue: "http://c" } }'), {
  path: 'upstreams.web.slots',
  found: 'origin and slots'
})
refuses('an upstream has one origin or slots, not neither', pair('{ connections: 5 }'), {
  path: 'upstreams.web',
  found: 'neither origin nor slots'
})
refuses('slots are two at most', pair('{ slots: { a: "http://1.1.1.1", b: "http://1.1.1.2", c: "http://1.1.1.3" } }'), {
  path: 'upstreams.web.slots',
  found: '3 slots'
})
refuses('slots are one at least', pair('{ slots: {} }'), { path: 'upstreams.web.slots', found: '0 slots' })
refuses('the slots of a pair are two places', pair('{ slots: { a: "http://x:80", b: "http://X" } }'), {
  path: 'upstreams.web.slots.b',
  expected: 'another origin than that of a'
})

refuses('certificates need tls.mode files', 'tls: { certificates: [{ cert: a, key: b }] }', {
  path: 'tls.certificates',
  expected: 'tls.mode: files'
})
refuses('tls.mode files needs certificates', 'tls: { mode: files }', { path: 'tls.certificates', found: 'none' })
refuses(
  'a certificate serves names of ours',
  'tls: { mode: files, certificates: [{ cert: a, key: b, domains: [exmple.com] }] }',
  {
    path: 'tls.certificates[0].domains[0]',
    nearest: 'example.com'
  }
)
refuses('certificates by ACME are not read from files', 'tls: { mode: acme, certificates: [{ cert: a, key: b }] }', {
  path: 'tls.certificates',
  found: 'certificates with tls.mode acme',
  expected: 'tls.mode: files'
})
const ofAcme = [
  'email: ops@example.com',
  'directory: https://127.0.0.1/dir',
  'directory-ca: root.pem',
  'profile: shortlived',
  'grouping: together',
  'key-type: rsa',
  'challenges: http-01',
  'eab: { kid: a, key: b }'
]
for (const setting of ofAcme) {
  const path = `tls.${setting.split(':')[0]}`
  refuses(`what is for ACME alone needs it: ${path}`, `tls: { ${setting} }`, { path, expected: 'tls.mode: acme' })
  t.test(`${path} goes with tls.mode acme`, async t => {
    t.ok(configOf(written(`tls: { mode: acme, ${setting} }`)))
  })
}
t.test('the challenges of a peer are answered in any mode', async t => {
  const peer = 'A'.repeat(43)
  for (const mode of ['local', 'acme']) {
    t.equal(configOf(written(`tls: { mode: ${mode}, peer-thumbprint: ${peer} }`)).peerThumbprint, peer)
  }
})
refuses(
  'a setting for ACME beside files of its own is not for them',
  'tls: { mode: files, profile: a, certificates: [{ cert: a, key: b }] }',
  {
    path: 'tls.profile',
    found: 'it with tls.mode files'
  }
)
refuses('a domain is proved somehow', 'tls: { mode: acme, challenges: [] }', { path: 'tls.challenges', found: 'none' })
refuses('http-01 needs a port for plain HTTP', 'listen: { http: [] }\ntls: { mode: acme }', {
  line: 6,
  path: 'tls.challenges',
  found: /without a port/
})

const preload = { path: 'hsts.preload', found: 'true', expected: /subdomains: true and max-age: 365d/ }
refuses('a preload list takes no host without its subdomains', 'hsts: { max-age: 365d, preload: true }', preload)
refuses(
  'a preload list takes no promise for less than a year',
  'hsts: { max-age: 364d, subdomains: true, preload: true }',
  preload
)

t.test('tls-alpn-01 alone needs no port for plain HTTP, and a preload list takes what it asks for', async t => {
  t.ok(configOf(written('listen: { http: [] }\ntls: { mode: acme, challenges: tls-alpn-01 }')))
  t.ok(configOf(written('hsts: { max-age: 365d, subdomains: true, preload: true }')))
  t.ok(configOf(written('hsts: { max-age: 1d, subdomains: true }')), 'without one, any promise may be made')
})

t.test('what is misspelt in tls is one fault, not also one of the mode', async t => {
  t.match(faultsOf(written('tls: { mode: acne, email: ops@example.com }')), [{ path: 'tls.mode', nearest: 'acme' }])
  t.equal(faultsOf(written('tls: { mode: acne, email: ops@example.com }')).length, 1)
  t.equal(faultsOf(written('tls: { mode: acme, challenges: [http] }')).length, 1)
  t.equal(faultsOf(written('hsts: { max-age: never, preload: true }')).length, 1)
})

refuses('the control listener is on a loopback address', 'control: { listen: "0.0.0.0:9100" }', {
  path: 'control.listen',
  expected: /loopback/
})
refuses('nobody trusts everybody', 'trusted-proxies: [10.0.0.0/8, 0.0.0.0/0]', {
  path: 'trusted-proxies[1]',
  expected: /everybody/
})
refuses('a socket has a path that the kernel can take', `state: /${'x'.repeat(100)}`, {
  path: 'control.socket',
  found: 'a path of 114 bytes'
})

const collisions: [string, string][] = [
  ['{ http: 443 }', 'listen.https[0]'],
  ['{ https: [443, "127.0.0.1:443"] }', 'listen.https[1]'],
  ['{ https: ["0.0.0.0:443", "127.0.0.1:443"] }', 'listen.https[1]'],
  ['{ https: ["127.0.0.1:443", "[::]:443"] }', 'listen.https[1]'],
  ['{ https: [8443, 8443] }', 'listen.https[1]']
]
for (const [listen, path] of collisions) {
  refuses(`two listeners do not want one port: ${listen}`, `listen: ${listen}`, { path, expected: /another port/ })
}

t.test('the control listener does not want the port of another', async t => {
  t.match(faultsOf(written('control: { listen: 443 }')), [{ path: 'control.listen', found: 'port 443' }])
})

t.test('the listener of the link does not want the port of another', async t => {
  const clash = (link: string, more = ''): object[] => [
    ...faultsOf(written(`link: { peer: 203.0.113.7, listen: ${link} }\n${more}`))
  ]
  t.match(clash('443'), [{ path: 'link.listen', found: 'port 443', expected: 'another port than listen.https[0]' }])
  t.match(clash('["198.51.100.7:80"]'), [{ path: 'link.listen[0]', found: 'port 80' }])
  t.match(clash('9100', 'control: { listen: 9100 }'), [{ path: 'control.listen', expected: /than link\.listen/ }])
})

t.test('listeners that get along are accepted', async t => {
  t.ok(configOf(written('listen: { https: ["127.0.0.1:443", "127.0.0.2:443", "[::1]:443"] }')))
  t.ok(configOf(written('listen: { https: ["0.0.0.0:443", "[::1]:443"] }')))
  t.ok(configOf(written('listen: { http: 0, https: [0, 0] }')), 'the kernel chooses')
})

t.test('the same path may be routed for two hosts and for all of them; / needs no route', async t => {
  const { routes } = configOf(
    written(`routes:
  - { path: /a, upstream: web, host: example.com }
  - { path: /a, upstream: web, host: WWW.example.com }
  - { path: /a, upstream: web }
`)
  )
  t.strictSame(
    routes.map(route => route.host),
    ['example.com', 'www.example.com', null]
  )
})

t.test('what could not be read is not also at odds with the rest', async t => {
  t.equal(
    faultsOf(written('domains: [example.com, "a b"]\nroutes: [{ path: /, upstream: web, host: www.example.com }]'))
      .length,
    1
  )
  t.equal(faultsOf(written('upstreams: 5')).length, 1)
  t.equal(faultsOf(written('upstreams: { web: 5, my-api: { origin: "http://b" } }')).length, 1)
  t.equal(faultsOf(least.replace(/^upstreams.*$/m, '')).length, 1)
})

const api = (is: string): string => `upstreams: { web: { origin: "http://a" }, my-api: { ${is} } }`
const linked = (is: string): string => `${api(is)}\nlink: { peer: 203.0.113.7 }`

refuses('an upstream of the other server needs a link to it', api('origin: peer'), {
  path: 'upstreams.my-api.origin',
  found: 'peer without a link',
  expected: /link: \{ peer: /
})
refuses(
  "so does one that is the other server's while ours is down",
  api('origin: "http://b", health: { path: / }, else: peer'),
  {
    path: 'upstreams.my-api.else',
    found: 'peer without a link'
  }
)
for (const key of ['health: { path: / }', 'keep-alive: 4s', 'connect-timeout: 5s', 'connections: 9']) {
  const name = key.split(':')[0]
  refuses(`how the other server reaches what it runs is said there: ${name}`, linked(`origin: peer, ${key}`), {
    path: `upstreams.my-api.${name}`,
    found: `${name} with origin: peer`,
    expected: `${name} there: it is the other server's`
  })
}
refuses("what is the other server's anyway is not also its while ours is down", linked('origin: peer, else: peer'), {
  path: 'upstreams.my-api.else',
  found: 'else with origin: peer'
})
refuses('whoever leaves an upstream while it is down probes it', linked('origin: "http://b", else: peer'), {
  path: 'upstreams.my-api.else',
  expected: /^health as well/
})
refuses(
  "no slot of ours is called as the other server's is",
  linked('slots: { peer: "http://b", green: "http://c" }, health: { path: / }, else: peer'),
  { path: 'upstreams.my-api.slots.peer', expected: /another name/ }
)
refuses('no half of a pair is the other server', linked('slots: { blue: peer, green: "http://b" }'), {
  path: 'upstreams.my-api.slots.blue',
  expected: /as a whole/
})

t.test("a variable makes an upstream the other server's, whatever the file says of its own", async t => {
  const file = written(linked('origin: "http://b", health: { path: / }, connections: 9'))
  const { upstreams } = configOf(file, { EDGE_UPSTREAMS_MY_API_ORIGIN: 'peer' })
  t.match(upstreams.get('my-api'), { slots: new Map([['peer', 'peer']]), health: null })
})

const selves = [
  '{ peer: 127.0.0.1 }',
  '{ peer: "[::1]:7443" }',
  '{ peer: localhost }',
  '{ peer: 0.0.0.0 }',
  '{ peer: "::" }',
  '{ peer: 127.0.0.9, listen: "0.0.0.0:7443" }',
  '{ peer: localhost, listen: "127.0.0.1:7443" }',
  '{ peer: 203.0.113.7, listen: "203.0.113.7:7443" }',
  '{ peer: "127.0.0.1:7500", listen: [7443, "127.0.0.1:7500"] }'
]
for (const link of selves) {
  refuses(`a link does not lead back here: ${link}`, `link: ${link}`, { path: 'link.peer', expected: /itself$/ })
}
refuses('a link does not lead to where DNS leads', 'link: { peer: WWW.example.com }', {
  path: 'link.peer',
  expected: /domains follow DNS/
})

t.test('a link to another place on this machine leads elsewhere, and a single server may have one', async t => {
  const elsewhere = [
    '{ peer: "127.0.0.1:7444" }',
    '{ peer: 127.0.0.2, listen: "127.0.0.1:7443" }',
    '{ peer: "::1", listen: "0.0.0.0:7443" }',
    '{ peer: us.example.net }',
    '{ peer: "127.0.0.1:7443", listen: [] }'
  ]
  for (const link of elsewhere) t.ok(configOf(written(`link: ${link}`)).link, link)
  t.ok(configOf(written(linked('origin: peer'))).link, 'server: single')
})

t.test('a link that could not be read is one fault, not also missing', async t => {
  t.equal(faultsOf(written(`${api('origin: peer')}\nlink: { peer: "a b" }`)).length, 1)
  t.equal(faultsOf(written(`${api('origin: peer')}\nlink: 5`)).length, 1)
  t.equal(faultsOf(written(`${api('origin: peer')}\nlinks: { peer: 203.0.113.7 }`)).length, 1)
})
