import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import t from 'tap'
import type { Issued, Outcome } from '../../../../proxy/acme/authority.ts'
import { ProcessAuthority } from '../../../../proxy/acme/ca/process-authority.ts'
import { certId } from '../../../../proxy/acme/ca/renewal-info.ts'
import { makeLeaf, makeRoot } from '../../../../proxy/tls/local-certificate.ts'
import { namesOf } from '../../../../proxy/tls/pem-files.ts'
import { type Pebble, pebbleMissing, startPebble } from '../../../doubles/pebble/pebble.ts'
import { listenForAuthority, orderOf } from './domains.ts'
import { directory, problem, startScripted } from './scripted-authority.ts'

// Each has an authority of its own, and waits for it.
t.jobs = 3

const authority = new ProcessAuthority({ deadlineMs: 60_000 })
const daySeconds = 86_400
const skipNew = { skip: pebbleMissing('new') }
const skipDebian = { skip: pebbleMissing('debian') }

/** What was issued, or a throw with what stood against it. */
function taken(outcome: Outcome<Issued>): Issued & { leaf: X509Certificate } {
  if ('refused' in outcome) throw new Error(`${outcome.refused.code}: ${outcome.refused.detail}`)
  return { ...outcome.ok, leaf: new X509Certificate(outcome.ok.cert) }
}

function isSignedBy(pebble: Pebble, cert: string): boolean {
  const chain = cert.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)!.map(pem => new X509Certificate(pem))
  const root = new X509Certificate(pebble.issuingRoot)
  return [...chain.slice(1), root].every((issuer, at) => chain[at]!.verify(issuer.publicKey))
}

for (const version of ['debian', 'new'] as const) {
  t.test(
    `several domains in one certificate, by either challenge: ${version}`,
    { skip: pebbleMissing(version) },
    async t => {
      const domains = await listenForAuthority(t)
      const pebble = await startPebble(t, { version, ...domains })
      const names = ['a.test', 'b.a.test', 'xn--bcher-kva.test']
      for (const challenge of ['http-01', 'tls-alpn-01'] as const) {
        const order = orderOf(pebble, domains.accountKey, names, { challenges: [challenge] })
        const { leaf, cert, key } = taken(await authority.order(order, domains.challenges))
        t.same(namesOf(leaf).sort(), [...names].sort(), challenge)
        t.ok(leaf.checkPrivateKey(createPrivateKey(key)) && isSignedBy(pebble, cert))
        t.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
        // The authority looks from several places at once.
        t.equal(new Set(domains.asked).size, names.length, 'port 80 was asked for the first of the two alone')
        t.equal(domains.challenges.isAlpnOpen, false, 'nothing stays open')
      }
    }
  )
}

t.test('the first challenge of ours that the authority offers is taken', skipDebian, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, domains)
  const order = { ...orderOf(pebble, domains.accountKey, ['a.test']), challenges: ['tls-alpn-01', 'http-01'] as const }
  taken(await authority.order(order, domains.challenges))
  t.equal(domains.asked.length, 0)
})

t.test('an RSA key when that is what is asked for', skipDebian, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, domains)
  const order = orderOf(pebble, domains.accountKey, ['a.test'], { keyType: 'rsa' })
  const { leaf } = taken(await authority.order(order, domains.challenges))
  t.equal(leaf.publicKey.asymmetricKeyDetails?.modulusLength, 2048)
})

t.test('the profile that is asked for, and an authority that does not have it', skipNew, async t => {
  const domains = await listenForAuthority(t)
  const profiles = { classic: 90 * daySeconds, shortlived: 6 * daySeconds }
  const pebble = await startPebble(t, { version: 'new', ...domains, profiles })
  for (const [profile, seconds] of Object.entries(profiles)) {
    const order = orderOf(pebble, domains.accountKey, ['a.test'], { profile })
    const { leaf } = taken(await authority.order(order, domains.challenges))
    const lifeMs = leaf.validToDate.getTime() - leaf.validFromDate.getTime()
    t.ok(Math.abs(lifeMs / 1_000 - seconds) < 10, profile)
  }
  const unknown = orderOf(pebble, domains.accountKey, ['a.test'], { profile: 'tlsserver' })
  const outcome = await authority.order(unknown, domains.challenges)
  t.match(outcome, { refused: { code: 'ACME_ORDER_REFUSED', detail: /a\.test: .*profile.*invalidProfile/i } })
})

t.test('an account bound to another one, made once and found again', skipDebian, async t => {
  const domains = await listenForAuthority(t)
  const eab = { kid: 'kid-1', hmacKey: randomBytes(32).toString('base64url') }
  const pebble = await startPebble(t, { ...domains, eab: { [eab.kid]: eab.hmacKey } })
  const order = orderOf(pebble, domains.accountKey, ['a.test'], { eab, email: 'admin@a.test' })
  taken(await authority.order(order, domains.challenges))
  taken(await authority.order(order, domains.challenges))
  const without = orderOf(pebble, (await listenForAuthority(t)).accountKey, ['a.test'])
  const refused = await authority.order(without, domains.challenges)
  t.match(refused, { refused: { code: 'ACME_ACCOUNT_REFUSED', detail: /externalAccountRequired/ } })
  const wrong = { ...without, eab: { ...eab, hmacKey: randomBytes(32).toString('base64url') } }
  t.match(await authority.order(wrong, domains.challenges), { refused: { code: 'ACME_ACCOUNT_REFUSED' } })
})

t.test(
  'a renewal says what it replaces, and is ordered all the same when that was replaced before',
  skipNew,
  async t => {
    const domains = await listenForAuthority(t)
    const pebble = await startPebble(t, { version: 'new', ...domains })
    const order = orderOf(pebble, domains.accountKey, ['a.test'])
    const { cert } = taken(await authority.order(order, domains.challenges))
    const renewal = { ...order, replaces: cert }
    const replacements = (): number => pebble.said().match(/is a replacement of/g)?.length ?? 0
    t.equal(replacements(), 0)
    taken(await authority.order(renewal, domains.challenges))
    t.equal(replacements(), 1)
    taken(await authority.order(renewal, domains.challenges))
    t.equal(replacements(), 1, 'the third was an order like any other')
  }
)

t.test('what is ordered is what was asked for; what is replaced is told to an authority with ARI only', async t => {
  const { accountKey, challenges } = await listenForAuthority(t)
  const { cert } = await makeLeaf(await makeRoot(new Date()), ['a.test'], new Date())
  const identifiers = ['a.test', 'b.test'].map(value => ({ type: 'dns', value }))
  for (const hasAri of [false, true]) {
    const refusal = problem(400, 'rejectedIdentifier', 'no')
    const scripted = await startScripted(t, {
      '/dir': directory(hasAri ? { renewalInfo: '/ari' } : {}),
      '/order': refusal
    })
    const order = orderOf(scripted, accountKey, ['a.test', 'b.test'], { replaces: cert, profile: 'short' })
    t.match(await authority.order(order, challenges), { refused: { code: 'ACME_ORDER_REFUSED' } })
    const replaces = hasAri ? { replaces: await certId(cert) } : {}
    t.same(scripted.payloads['/order'], { identifiers, profile: 'short', ...replaces })
    t.equal(scripted.asked.filter(line => line === 'POST /order').length, 1, 'it is not `replaces` that was refused')
  }
})

t.test('a domain that the authority knows already is not proved again', skipDebian, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, { ...domains, reuse: 100 })
  const order = orderOf(pebble, domains.accountKey, ['a.test'])
  taken(await authority.order(order, domains.challenges))
  const before = domains.asked.length
  taken(await authority.order(order, domains.challenges))
  t.equal(domains.asked.length, before)
})

t.test('half of all good nonces refused: it gets there', skipDebian, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, { ...domains, nonceReject: 50 })
  const order = orderOf(pebble, domains.accountKey, ['a.test'])
  // Six refusals in a row are one in 64: then the order is refused, and the schedule would try again.
  for (let tries = 0; tries < 6; tries++) {
    const outcome = await authority.order(order, domains.challenges)
    if ('ok' in outcome) return t.pass()
    t.match(outcome, { refused: { code: 'ACME_AUTHORITY_FAILED', detail: /badNonce/ } })
  }
  t.fail('six orders, and none got there')
})

t.test('an authority that says when to look again is asked no sooner', skipNew, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, { version: 'new', ...domains, retryAfter: 2 })
  const began = performance.now()
  taken(await authority.order(orderOf(pebble, domains.accountKey, ['a.test']), domains.challenges))
  t.ok(performance.now() - began > 2_000)
})
