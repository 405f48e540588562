import t from 'tap'
import type { Issued, Order, Outcome, Refusal } from '../../../../proxy/acme/authority.ts'
import { ProcessAuthority } from '../../../../proxy/acme/ca/process-authority.ts'
import { makeRoot } from '../../../../proxy/tls/local-certificate.ts'
import { pebbleMissing, startPebble } from '../../../doubles/pebble/pebble.ts'
import { freePorts } from '../../../doubles/ports.ts'
import { type Domains, listenForAuthority, orderOf } from './domains.ts'
import { directory, json, problem, type Script, startBlackHole, startScripted } from './scripted-authority.ts'

const authority = new ProcessAuthority({ deadlineMs: 60_000 })
const withPebble = { skip: pebbleMissing('debian') }
const hourMs = 3_600_000

function refused(outcome: Outcome<Issued>): Refusal {
  if ('ok' in outcome) throw new Error('it was issued')
  return outcome.refused
}

async function ask(domains: Domains, order: Order): Promise<Refusal> {
  return refused(await authority.order(order, domains.challenges))
}

t.test(
  'a domain whose :80 answers for somebody else is elsewhere, and the others are not blamed',
  withPebble,
  async t => {
    const domains = await listenForAuthority(t)
    const pebble = await startPebble(t, domains)
    const stranger = await listenForAuthority(t)
    const names = ['d.test', 'c.test', 'b.test', 'a.test']
    const all = await ask(domains, orderOf(pebble, stranger.accountKey, names))
    t.equal(all.code, 'ACME_DOMAIN_ELSEWHERE')
    t.ok(all.detail.startsWith(`${names.join(', ')}: none of these could be validated (unauthorized): d.test: `))
    t.same(all.detail.match(/; \w\.test: /g), ['; c.test: ', '; b.test: ', '; a.test: '], 'as the operator has them')
    await pebble.setDns('b.test', ['127.0.0.77'])
    const one = await ask(domains, orderOf(pebble, domains.accountKey, ['a.test', 'b.test']))
    t.match(one, { code: 'ACME_PORT_BLOCKED', detail: /^b\.test: .*connection/ })
    t.notMatch(one.detail, /a\.test/)
    t.equal(domains.challenges.isAlpnOpen, false)
  }
)

t.test('a domain that has no address, or no name server', withPebble, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, domains)
  await pebble.setServfail('a.test')
  const refusal = await ask(domains, orderOf(pebble, domains.accountKey, ['a.test']))
  t.match(refusal.detail, /^a\.test: .*could not resolve/)
  // Pebble's word for it is `connection`; Let's Encrypt's is `dns`.
  t.match(refusal.code, /^ACME_(?:DOMAIN_ELSEWHERE|PORT_BLOCKED)$/)
})

t.test('a port that nobody answers at is blocked', withPebble, async t => {
  const domains = await listenForAuthority(t)
  const [closed] = await freePorts(1)
  const pebble = await startPebble(t, { ...domains, httpPort: closed! })
  const refusal = await ask(domains, orderOf(pebble, domains.accountKey, ['a.test']))
  t.match(refusal, { code: 'ACME_PORT_BLOCKED', detail: /^a\.test: .*refused.*\(connection\)/, retryAt: null })
})

t.test('what a TLS listener answers without acme-tls/1 is not us', withPebble, async t => {
  const domains = await listenForAuthority(t)
  const other = await listenForAuthority(t)
  const pebble = await startPebble(t, { ...domains, tlsPort: other.tlsPort })
  const order = orderOf(pebble, domains.accountKey, ['a.test'], { challenges: ['tls-alpn-01'] })
  const refusal = await ask(domains, order)
  t.match(refusal.code, /^ACME_(?:DOMAIN_ELSEWHERE|PORT_BLOCKED)$/)
})

t.test('an e-mail address that is none', withPebble, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, domains)
  const refusal = await ask(domains, orderOf(pebble, domains.accountKey, ['a.test'], { email: 'no address' }))
  t.match(refusal, { code: 'ACME_ACCOUNT_REFUSED', detail: /\((?:invalidContact|unsupportedContact|malformed)\)/ })
})

t.test('a domain that the authority will not sign', withPebble, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, { ...domains, blocklist: ['bank.test'] })
  const refusal = await ask(domains, orderOf(pebble, domains.accountKey, ['a.test', 'bank.test']))
  t.match(refusal, { code: 'ACME_ORDER_REFUSED', detail: /bank\.test.*\(rejectedIdentifier\)/ })
})

t.test('a directory that is not there, not to be trusted, not one', async t => {
  const domains = await listenForAuthority(t)
  const [closed] = await freePorts(1)
  const gone = await ask(
    domains,
    orderOf({ directory: `https://127.0.0.1:${closed}/dir`, ca: '' }, domains.accountKey, ['a.test'])
  )
  t.match(gone, { code: 'ACME_DIRECTORY_UNREACHABLE', detail: `https://127.0.0.1:${closed}/dir: ` })
  t.match(gone.detail, /ECONNREFUSED/)
  const scripts: Record<string, readonly [Script, RegExp]> = {
    'a page of HTML': [{ '/dir': (_, response) => response.end('<html>') }, /no ACME directory/],
    'an empty object': [{ '/dir': json(200, {}) }, /no ACME directory/],
    'a 404': [{ '/dir': json(404, {}) }, /does not answer 200 \(HTTP 404\)/],
    'a 500': [{ '/dir': problem(500, 'serverInternal', 'oh no') }, /oh no \(serverInternal\)/],
    'a connection that breaks': [{ '/dir': request => request.socket.destroy() }, /ECONNRESET/]
  }
  for (const [name, [script, words]] of Object.entries(scripts)) {
    const scripted = await startScripted(t, script)
    const refusal = await ask(domains, orderOf(scripted, domains.accountKey, ['a.test']))
    t.match(refusal, { code: 'ACME_DIRECTORY_UNREACHABLE', detail: words }, name)
  }
  const good = await startScripted(t, {})
  for (const ca of [null, (await makeRoot(new Date())).cert]) {
    const order = orderOf(good, domains.accountKey, ['a.test'])
    const refusal = await ask(domains, { ...order, directory: { url: good.directory, ca } })
    t.match(refusal, { code: 'ACME_DIRECTORY_UNREACHABLE', detail: /certificate.*tls\.directory-ca/ })
    t.same(good.asked, [], 'nothing was said to a stranger')
  }
})

t.test('a clock that is wrong', async t => {
  const domains = await listenForAuthority(t)
  for (const days of [-100, 2]) {
    const scripted = await startScripted(t, {}, new Date(Date.now() + days * 24 * hourMs))
    const refusal = await ask(domains, orderOf(scripted, domains.accountKey, ['a.test']))
    t.match(refusal, { code: 'ACME_CLOCK_WRONG', detail: /this machine's clock says 20\d\d-/ }, `${days}`)
  }
  for (const [hours, words] of [
    [3, '3 hours behind'],
    [-1.2, '1 hour ahead of']
  ] as const) {
    const date = new Date(Date.now() + hours * hourMs).toUTCString()
    const limit = problem(403, 'caa', 'CAA record forbids it', { date })
    const scripted = await startScripted(t, { '/order': limit })
    const refusal = await ask(domains, orderOf(scripted, domains.accountKey, ['a.test']))
    t.equal(refusal.code, 'ACME_ORDER_REFUSED')
    t.match(refusal.detail, `a.test: CAA record forbids it (caa); this machine's clock is ${words} the authority's`)
  }
})

t.test('a limit is asked for once, and says until when', async t => {
  const domains = await listenForAuthority(t)
  const words = 'too many certificates already issued'
  const scripted = await startScripted(t, { '/order': problem(429, 'rateLimited', words, { 'retry-after': '3600' }) })
  const refusal = await ask(domains, orderOf(scripted, domains.accountKey, ['a.test']))
  t.match(refusal, { code: 'ACME_RATE_LIMITED', detail: `a.test: ${words} (rateLimited)` })
  const waitMs = Date.parse(refusal.retryAt!) - Date.now()
  t.ok(waitMs > 0.9 * hourMs && waitMs <= hourMs)
  t.equal(scripted.asked.filter(line => line === 'POST /order').length, 1)
  for (const path of ['/dir', '/nonce', '/account']) {
    const limit = problem(429, 'rateLimited', words)
    const answer: Script[string] = (request, response) => {
      // One that comes with a limit is as good as any.
      response.removeHeader('replay-nonce')
      limit(request, response)
    }
    const early = await startScripted(t, { [path]: answer })
    t.match(await ask(domains, orderOf(early, domains.accountKey, ['a.test'])), { code: 'ACME_RATE_LIMITED' }, path)
    t.equal(early.asked.filter(line => line.endsWith(path)).length, 1, path)
  }
})

t.test('an authority with a fault of its own is asked once', async t => {
  const domains = await listenForAuthority(t)
  const answers = {
    '503': json(503, '', { 'retry-after': '60' }),
    '500': problem(500, 'serverInternal', 'oh no'),
    '201': json(201, {})
  }
  for (const [name, answer] of Object.entries(answers)) {
    const scripted = await startScripted(t, { '/order': answer })
    const refusal = await ask(domains, orderOf(scripted, domains.accountKey, ['a.test']))
    t.equal(refusal.code, 'ACME_AUTHORITY_FAILED', name)
    t.equal(scripted.asked.filter(line => line === 'POST /order').length, 1)
    t.equal(refusal.retryAt !== null, name === '503')
  }
})

t.test('a directory that accepts and says nothing costs no more than the deadline', async t => {
  const domains = await listenForAuthority(t)
  const hole = await startBlackHole(t)
  const hasty = new ProcessAuthority({ deadlineMs: 1_500 })
  const began = performance.now()
  const refusal = refused(await hasty.order(orderOf(hole, domains.accountKey, ['a.test']), domains.challenges))
  t.match(refusal, {
    code: 'ACME_AUTHORITY_FAILED',
    detail: /not done within 1\.5 s; it was at: reading the directory/
  })
  t.ok(performance.now() - began < 5_000)
})

t.test('what it says for itself, and only that, is on the wire', async t => {
  const domains = await listenForAuthority(t)
  const agents = new Set<string | undefined>()
  const note = directory()
  const scripted = await startScripted(t, {
    '/dir': (request, response) => {
      agents.add(request.headers['user-agent'])
      note(request, response)
    },
    '/order': problem(403, 'caa', 'no')
  })
  await ask(domains, orderOf(scripted, domains.accountKey, ['a.test']))
  t.match([...agents].join(), /^twinedge\/\d+\.\d+\.\d+$/)
})
