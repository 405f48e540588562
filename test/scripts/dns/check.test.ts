import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Outcome, twinedge } from '../../doubles/command.ts'
import { type NameServerDouble, startNameServer } from '../../doubles/dns/name-server.ts'

const yaml = `domains: [shop.test, www.shop.test]
servers:
  frontend: { ssh: nobody@front, address: 198.51.100.4 }
  backend: { ssh: nobody@back, address: 203.0.113.7 }
web: { source: . }
api: { source: . }
`

interface Laptop {
  readonly one: NameServerDouble
  readonly two: NameServerDouble
  readonly resolver: NameServerDouble
  check(...args: string[]): Promise<Outcome>
}

/** A laptop whose domains have two name servers; a resolver remembers them. */
async function startLaptop(t: Test): Promise<Laptop> {
  const [one, two, resolver] = [await startNameServer(t), await startNameServer(t), await startNameServer(t)]
  const folder = mkdtempSync(join(tmpdir(), 'te-site-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'deploy.yaml'), yaml)
  writeFileSync(join(folder, 'backend.env'), 'TLS_MODE=acme\n')
  for (const server of [one, two, resolver]) {
    for (const domain of ['shop.test', 'www.shop.test']) server.set(domain, 'A', ['198.51.100.4'])
  }
  const places = ['--authority', one.place, '--authority', two.place, '--resolver', resolver.place]
  const check: Laptop['check'] = (...args) =>
    twinedge(['dns', 'check', '--site', join(folder, 'deploy.yaml'), ...places, ...args])
  return { one, two, resolver, check }
}

t.test('names that lead to a server, with nothing in the way: exit 0', async t => {
  const { check } = await startLaptop(t)
  t.same(await check(), {
    code: 0,
    err: '',
    out: `DOMAIN         LEADS TO      SERVER    TTL   CERTIFIED BY  ASKED
shop.test      198.51.100.4  frontend  60 s  anybody       3 of 3 answered
www.shop.test  198.51.100.4  frontend  60 s  anybody       3 of 3 answered
`
  })
})

t.test('what is wrong is told with its mend, and DNS_FAULTY; what should be known is a note', async t => {
  const { one, two, resolver, check } = await startLaptop(t)
  one.set('shop.test', 'A', ['192.0.2.9'], 3600)
  two.set('shop.test', 'A', ['192.0.2.9'], 3600)
  for (const server of [one, two]) server.set('www.shop.test', 'AAAA', ['2001:db8::1'])
  one.set('www.shop.test', 'A', ['203.0.113.7'])
  for (const server of [one, two, resolver]) server.set('shop.test', 'CAA', ['issue pki.goog; kind=any'])
  const { code, out, err } = await check()
  t.equal(code, 1)
  t.match(err, /^DNS_FAULTY: 4 of what stands above\n/)
  for (const line of [
    'FAULT  shop.test: it leads to 192.0.2.9, which is no server of deploy.yaml',
    'note  shop.test: its TTL is 3600 s: so long nobody hears of a switch',
    `note  shop.test: ${resolver.place} still says 198.51.100.4, for 60 s at most`,
    'FAULT  shop.test: the CAA record of shop.test allows pki.goog to certify it, and not letsencrypt.org',
    '  next: add to the CAA records of shop.test: 0 issue "letsencrypt.org"',
    'note  www.shop.test: it leads to 2001:db8::1, which is no server of deploy.yaml; those with IPv6 go there',
    'note  www.shop.test: it leads to backend and to frontend at once: each user goes to either',
    `FAULT  www.shop.test: its name servers differ: ${one.place}: 2001:db8::1, 203.0.113.7; ${two.place}: 198.51.100.4, 2001:db8::1`,
    'FAULT  www.shop.test: the CAA record of shop.test allows pki.goog to certify it, and not letsencrypt.org'
  ]) {
    t.ok(out.includes(`${line}\n`), `${line}\n${out}`)
  }
})

t.test('name servers that fail, and a name without an address', async t => {
  const { one, two, resolver, check } = await startLaptop(t)
  one.fail('SERVFAIL')
  two.set('www.shop.test', 'A', [])
  resolver.set('www.shop.test', 'A', [])
  const { code, out } = await check()
  t.equal(code, 1)
  t.match(out, `FAULT  shop.test: ${one.place}: it fails (SERVFAIL)\n`)
  t.match(out, 'FAULT  www.shop.test: it has no address\n')
  t.match(out, '  next: add an A record: 198.51.100.4 (frontend) or 203.0.113.7 (backend)\n')
  two.fail('REFUSED')
  resolver.fail('REFUSED')
  const silent = await check('--json')
  t.equal(silent.code, 1)
  t.match(JSON.parse(silent.out).findings, [
    { domain: 'shop.test', isFault: true, what: /^nobody answers for it: .*REFUSED/ },
    { domain: 'www.shop.test', isFault: true }
  ])
})

t.test('the name servers of a domain are found through whoever is asked, from the name upwards', async t => {
  const { resolver, check } = await startLaptop(t)
  const { authoritiesOf } = await import('../../../compose/laptop/dns/authorities.ts')
  resolver.set('shop.test', 'NS', ['ns2.shop.test', 'ns1.shop.test'])
  resolver.set('ns1.shop.test', 'A', ['127.0.0.5'])
  resolver.set('ns2.shop.test', 'AAAA', ['::1'])
  const server = (label: string, place: string): object => ({ label, place, isAuthority: true })
  t.same(await authoritiesOf('www.shop.test', [resolver.place]), [
    server('ns1.shop.test', '127.0.0.5:53'),
    server('ns2.shop.test', '[::1]:53')
  ])
  t.same(await authoritiesOf('elsewhere.test', [resolver.place]), [])
  t.equal(resolver.asked('test', 'NS'), 0, 'a top level is nobody’s own')
  const wrong = await check('--resolver', 'dns.example.com')
  t.match(wrong, { code: 2, err: /^EDGE_USAGE: dns\.example\.com: expected the address of a name server/ })
})
