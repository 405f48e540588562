import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { importAll, renew } from '../../../proxy/acme/requests.ts'
import type { RenewRequest } from '../../../proxy/control/protocol.ts'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'
import { SimulatedAuthority } from '../../doubles/authority/simulated-authority.ts'
import { openUpkeep } from '../../fixtures/upkeep.ts'

const begin = Date.UTC(2026, 10, 22, 12)
const now = new Date(begin)
const asked: RenewRequest = { names: [], force: false, dryRun: false, directory: null }
const domains = ['a.test', 'b.test']

async function start(t: Parameters<typeof openUpkeep>[0]) {
  const clock = { nowMs: begin }
  const authority = await SimulatedAuthority.make(clock, 90)
  return { clock, authority, ...(await openUpkeep(t, { clock, authority, domains })) }
}

t.test('without force only what is due or failing is begun', async t => {
  const { upkeep, authority } = await start(t)
  t.match(await renew(upkeep, asked, now), { renewals: [{ outcome: 'begun' }, { outcome: 'begun' }] })
  authority.refuse = ({ domains }) =>
    domains.includes('b.test') ? { code: 'ACME_PORT_BLOCKED', detail: 'connection: timeout', retryAt: null } : null
  await upkeep.runDue()
  t.match(await renew(upkeep, asked, now), {
    renewals: [
      { name: 'a.test', outcome: 'not due' },
      { name: 'b.test', outcome: 'begun' }
    ]
  })
})

t.test('who asks by force does not wait for a pause, and gets a retry if it fails', async t => {
  const { upkeep, clock, authority } = await start(t)
  await upkeep.runDue()
  const [first] = upkeep.renewals
  const serial = first!.pair!.leaf.serialNumber
  clock.nowMs += 1_000
  authority.refuse = () => ({ code: 'ACME_AUTHORITY_FAILED', detail: 'x', retryAt: null })
  t.match(await renew(upkeep, { ...asked, force: true, names: ['a.test'] }, new Date(clock.nowMs)), {
    renewals: [{ name: 'a.test', outcome: 'begun' }]
  })
  await upkeep.runDue()
  t.equal(authority.asked.length, 3)
  authority.refuse = () => null
  clock.nowMs = upkeep.nextAt().getTime()
  await upkeep.runDue()
  t.not(first!.pair!.leaf.serialNumber, serial)
  await upkeep.runDue()
  t.equal(authority.asked.length, 4, 'once')
})

t.test('not even force goes against a rate limit', async t => {
  const { upkeep, authority } = await start(t)
  const retryAt = new Date(begin + 3_600_000).toISOString()
  authority.refuse = () => ({ code: 'ACME_RATE_LIMITED', detail: 'too many', retryAt })
  await upkeep.runDue()
  const { renewals } = await renew(upkeep, { ...asked, force: true, names: ['a.test'] }, now)
  t.match(renewals, [{ outcome: 'failed', error: { code: 'ACME_RATE_LIMITED' } }])
  await upkeep.runDue()
  t.equal(authority.asked.length, 2, 'one for each, and no more')
  t.match(await renew(upkeep, { ...asked, force: true }, new Date(begin + 3_800_000)), {
    renewals: [{ outcome: 'begun' }, {}]
  })
})

t.test('a name that is none: nothing is begun', async t => {
  const { upkeep } = await start(t)
  const named = { ...asked, names: ['a.test', 'c.test'] }
  await t.rejects(renew(upkeep, named, now), {
    code: 'EDGE_USAGE',
    detail: /no certificate c\.test; there are a\.test, b\.test/
  })
})

t.test('a dry run asks the directory that is given, stores nothing, and tells each outcome', async t => {
  const { upkeep, authority, store, stored } = await start(t)
  authority.refuse = ({ domains }) =>
    domains.includes('b.test') ? { code: 'ACME_DOMAIN_ELSEWHERE', detail: 'dns: no A', retryAt: null } : null
  const request = { ...asked, dryRun: true, directory: 'https://staging.test/dir' }
  const { renewals } = await renew(upkeep, request, now)
  t.match(renewals, [
    { name: 'a.test', outcome: 'issued', issuer: /twinedge local authority/, error: null },
    { name: 'b.test', outcome: 'failed', error: { code: 'ACME_DOMAIN_ELSEWHERE', detail: 'dns: no A', next: /DNS/ } }
  ])
  t.same(
    authority.asked.map(({ order }) => [order.directory.url, order.replaces]),
    Array(2).fill([request.directory, null])
  )
  t.notOk(existsSync(store.pathOf('a.test')))
  t.equal(stored.count, 0)
  t.match(upkeep.renewals[1]!.status(now), { failures: 0 }, 'and counts for nothing')
})

t.test("without a directory it asks the authority's staging, where one is known", async t => {
  const { upkeep } = await start(t)
  await t.rejects(renew(upkeep, { ...asked, dryRun: true }, now), { code: 'EDGE_USAGE', detail: /--directory/ })
  const clock = { nowMs: begin }
  const authority = await SimulatedAuthority.make(clock, 90)
  const directory = 'https://acme-v02.api.letsencrypt.org/directory'
  const known = await openUpkeep(t, { clock, authority, domains, config: { directory } })
  await renew(known.upkeep, { ...asked, dryRun: true, names: ['a.test'] }, now)
  t.match(authority.asked, [{ order: { directory: { url: /acme-staging-v02/ } } }])
})

t.test('import: stored for each renewal that it covers, unless what is there lasts as long', async t => {
  const { upkeep, store, authority } = await start(t)
  const root = await makeRoot(now)
  const wide = await makeLeaf(root, [...domains, 'c.test'], now, 80)
  const answer = await importAll(upkeep, { certificates: [{ source: 'live/a.test', ...wide }] })
  t.same(answer, { certificates: [{ source: 'live/a.test', names: domains, reason: null }] })
  t.match(readFileSync(store.pathOf('b.test'), 'utf8'), /CERTIFICATE-----\n-----BEGIN PRIVATE KEY/)
  await upkeep.runDue()
  t.equal(authority.asked.length, 0, 'what was imported is used for its life')
  const older = await makeLeaf(root, ['a.test'], now, 70)
  const other = await makeLeaf(root, ['d.test'], now, 90)
  const later = await importAll(upkeep, {
    certificates: [
      { source: 'older', ...older },
      { source: 'other', ...other }
    ]
  })
  t.match(later.certificates, [
    { source: 'older', names: [], reason: /lasts as long/ },
    { source: 'other', names: [], reason: /d\.test: none that is served here/ }
  ])
})

t.test('import: a key of another chain is told by its code; what is good beside it is stored', async t => {
  const { upkeep } = await start(t)
  const root = await makeRoot(now)
  const [a, b] = [await makeLeaf(root, ['a.test'], now), await makeLeaf(root, ['b.test'], now)]
  const mixed = { source: 'live/a.test', cert: a.cert, key: b.key }
  await t.rejects(importAll(upkeep, { certificates: [mixed] }), { code: 'TLS_KEY_MISMATCH', detail: /live\/a\.test/ })
  const answer = await importAll(upkeep, { certificates: [mixed, { source: 'live/b.test', ...b }] })
  t.match(answer.certificates, [
    { names: [], reason: /TLS_KEY_MISMATCH/ },
    { names: ['b.test'], reason: null }
  ])
})
