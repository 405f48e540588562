import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Refusal } from '../../../proxy/acme/authority.ts'
import { blankRecord } from '../../../proxy/acme/disk/record.ts'
import { thumbprintOf } from '../../../proxy/acme/disk/store.ts'
import type { AcmeConfig } from '../../../proxy/config/config.ts'
import type { FailureCode } from '../../../proxy/errors.ts'
import { type Clock, SimulatedAuthority } from '../../doubles/authority/simulated-authority.ts'
import { run } from '../../fixtures/certificates.ts'
import { openUpkeep } from '../../fixtures/upkeep.ts'

const dayMs = 86_400_000
const minuteMs = 60_000
const begin = Date.UTC(2026, 10, 22, 12)
const down: Refusal = { code: 'ACME_AUTHORITY_FAILED', detail: 'serverInternal: try later', retryAt: null }

async function start(): Promise<{ clock: Clock; authority: SimulatedAuthority }> {
  const clock = { nowMs: begin }
  return { clock, authority: await SimulatedAuthority.make(clock, 90) }
}

t.test('with no certificate it is ordered at once, stored in one file of 0600, and served', async t => {
  const { clock, authority } = await start()
  const { upkeep, folder, told, stored } = await openUpkeep(t, { clock, authority, domains: ['a.test', 'b.test'] })
  t.match(upkeep.renewals[0]!.status(new Date(begin)), { state: 'due', reason: 'missing' })
  await upkeep.runDue()
  t.same(
    authority.asked.map(({ order }) => order.domains),
    [['a.test'], ['b.test']]
  )
  t.equal(stored.count, 2)
  t.match(told, [
    ['info', 'certificate issued', { domains: ['a.test'] }],
    ['info', 'certificate issued', {}]
  ])
  const certificates = join(folder, 'acme', 'certificates')
  const files = ['../account.key', 'a.test.pem', 'a.test.json', 'b.test.pem', 'b.test.json']
  for (const file of files) t.equal(statSync(join(certificates, file)).mode & 0o777, 0o600, file)
  t.same(readdirSync(certificates).length, 4, 'nothing else is left')
  t.same(readdirSync(join(folder, 'acme')).sort(), ['account.key', 'certificates'], 'no lease either')
  const pem = join(certificates, 'a.test.pem')
  t.match((await run('openssl', ['x509', '-in', pem, '-noout', '-ext', 'subjectAltName'])).stdout, /DNS:a\.test/)
  t.match((await run('openssl', ['pkey', '-in', pem, '-noout', '-text'])).stdout, /prime256v1/)
  const { nextAt } = upkeep.renewals[0]!.status(new Date(begin))
  t.equal(Math.round((Date.parse(nextAt) - begin) / dayMs), 60)
})

t.test('together: one certificate for all', async t => {
  const { clock, authority } = await start()
  const part = { clock, authority, domains: ['a.test', 'b.test'], config: { grouping: 'together' } as const }
  const { upkeep } = await openUpkeep(t, part)
  await upkeep.runDue()
  t.same(
    authority.asked.map(({ order }) => order.domains),
    [['a.test', 'b.test']]
  )
})

t.test('the account stays the same from start to start; a damaged key is set aside and told of', async t => {
  const { clock, authority } = await start()
  const first = await openUpkeep(t, { clock, authority })
  const again = await openUpkeep(t, { clock, authority, folder: first.folder })
  t.equal(again.upkeep.thumbprint, first.upkeep.thumbprint)
  t.equal(thumbprintOf(readFileSync(join(first.folder, 'acme', 'account.key'), 'utf8')), first.upkeep.thumbprint)
  writeFileSync(join(first.folder, 'acme', 'account.key'), 'cut in the mid')
  const anew = await openUpkeep(t, { clock, authority, folder: first.folder })
  t.not(anew.upkeep.thumbprint, first.upkeep.thumbprint)
  t.match(anew.told, [['warn', /account's key was damaged .*account\.key\.broken-/]])
})

t.test('a failure is told with the words of the authority, and what served goes on', async t => {
  const { clock, authority } = await start()
  const { upkeep, told, stored } = await openUpkeep(t, { clock, authority })
  await upkeep.runDue()
  const before = upkeep.renewals[0]!.pair!.leaf.serialNumber
  clock.nowMs = begin + 61 * dayMs
  authority.refuse = () => down
  await upkeep.runDue()
  t.equal(upkeep.renewals[0]!.pair!.leaf.serialNumber, before)
  t.equal(stored.count, 1)
  const line = { code: down.code, detail: down.detail, failures: 1, domains: ['example.test'], next: /tried again/ }
  t.match(told.at(-1), ['warn', 'certificate not renewed', line])
  const status = upkeep.renewals[0]!.status(new Date(clock.nowMs))
  t.match(status, { state: 'failing', reason: 'retry', failures: 1, lastError: { code: down.code } })
  await upkeep.runDue()
  t.equal(authority.asked.length, 2, 'not before its pause is over')
  authority.refuse = () => null
  clock.nowMs += 2 * minuteMs
  await upkeep.runDue()
  t.not(upkeep.renewals[0]!.pair!.leaf.serialNumber, before)
  t.match(upkeep.renewals[0]!.status(new Date(clock.nowMs)), { failures: 0, lastError: null })
})

t.test('killed in the middle of an order: the next start does not order at once', async t => {
  const { clock, authority } = await start()
  const killed = await SimulatedAuthority.make(clock, 90)
  const { promise: isOpen, resolve } = Promise.withResolvers<void>()
  killed.during = () => {
    resolve()
    return new Promise(() => {})
  }
  const first = await openUpkeep(t, { clock, authority: killed })
  void first.upkeep.runDue()
  await isOpen
  t.match(first.upkeep.renewals[0]!.status(new Date(begin)), { state: 'ordering', failures: 0, lastError: null })
  // What a kill leaves: the lease, and a record of an order that was begun.
  const second = await openUpkeep(t, { clock, authority, folder: first.folder })
  await second.upkeep.runDue()
  t.match(second.upkeep.renewals[0]!.status(new Date(begin)), { failures: 1, lastError: { code: 'EDGE_STOPPING' } })
  t.equal(authority.asked.length, 0)
  clock.nowMs = second.upkeep.nextAt().getTime()
  t.ok(clock.nowMs >= begin + minuteMs && clock.nowMs < begin + 2 * minuteMs)
  await second.upkeep.runDue()
  t.equal(authority.asked.length, 1)
  t.ok(second.upkeep.renewals[0]!.pair)
})

t.test('an order that a stop ends is not a failure', async t => {
  const { clock, authority } = await start()
  authority.refuse = () => ({ code: 'EDGE_STOPPING', detail: 'stopped', retryAt: null })
  const first = await openUpkeep(t, { clock, authority })
  await first.upkeep.runDue()
  t.same(first.told, [])
  authority.refuse = () => null
  const second = await openUpkeep(t, { clock, authority, folder: first.folder })
  await second.upkeep.runDue()
  t.ok(second.upkeep.renewals[0]!.pair)
})

t.test('two edges on one folder order one certificate, and both have it', async t => {
  const { clock, authority } = await start()
  const first = await openUpkeep(t, { clock, authority })
  const second = await openUpkeep(t, { clock, authority, folder: first.folder })
  authority.during = async () => {
    await second.upkeep.runDue()
    t.equal(authority.asked.length, 0)
  }
  await first.upkeep.runDue()
  clock.nowMs += 10_000
  await second.upkeep.runDue()
  t.equal(authority.asked.length, 1)
  t.equal(second.stored.count, 1, 'it is served there too')
  const serials = [first, second].map(({ upkeep }) => upkeep.renewals[0]!.pair?.leaf.serialNumber)
  t.equal(serials[0], serials[1])
})

t.test('a change of the directory is followed at once, and replaces nothing there', async t => {
  const { clock, authority } = await start()
  const first = await openUpkeep(t, { clock, authority })
  await first.upkeep.runDue()
  const config = { directory: 'https://other.test/directory' }
  const moved = await openUpkeep(t, { clock, authority, folder: first.folder, config })
  t.match(moved.upkeep.renewals[0]!.status(new Date(begin)), { state: 'due', reason: 'moved' })
  await moved.upkeep.runDue()
  t.match(authority.asked[1], { order: { directory: { url: config.directory }, replaces: null } })
  await moved.upkeep.runDue()
  t.equal(authority.asked.length, 2)
})

t.test('what an account ordered before, its new order replaces', async t => {
  const { clock, authority } = await start()
  const { upkeep } = await openUpkeep(t, { clock, authority })
  await upkeep.runDue()
  const { cert } = upkeep.renewals[0]!.pair!
  clock.nowMs = upkeep.nextAt().getTime() + 61 * dayMs
  await upkeep.runDue()
  t.equal(new X509Certificate(authority.asked[1]!.order.replaces!).serialNumber, new X509Certificate(cert).serialNumber)
})

t.test(
  'advice is asked for at once, and again when it says so; what it said holds while it cannot be reached',
  async t => {
    const { clock, authority } = await start()
    const { upkeep } = await openUpkeep(t, { clock, authority })
    const at = (days: number): string => new Date(begin + days * dayMs).toISOString()
    authority.advise = () => ({ ok: { start: at(20), end: at(20), explanationUrl: null, askAgainAt: at(0.25) } })
    await upkeep.runDue()
    await upkeep.runDue()
    const status = () => upkeep.renewals[0]!.status(new Date(clock.nowMs))
    t.match(status(), { reason: 'ari', nextAt: at(20) })
    t.equal(upkeep.nextAt().toISOString(), at(0.25))
    clock.nowMs = begin + 0.25 * dayMs
    authority.advise = () => ({ refused: down })
    await upkeep.runDue()
    t.match(status(), { reason: 'ari', nextAt: at(20), failures: 0 })
    t.equal(upkeep.nextAt().getTime(), clock.nowMs + 60 * minuteMs, 'and it is asked again within the hour')
    // The window has moved into the past, as before a mass revocation.
    authority.advise = () => ({ ok: { start: at(-2), end: at(-1), explanationUrl: null, askAgainAt: at(1) } })
    clock.nowMs = upkeep.nextAt().getTime()
    await upkeep.runDue()
    t.equal(authority.asked.length, 1, 'not on its first day: if that is said of every one, there is no end')
    clock.nowMs = begin + 25 * 60 * minuteMs
    await upkeep.runDue()
    t.equal(authority.asked.length, 2, 'then it is renewed')
  }
)

t.test('what does not fit is not taken: another key, another domain, half a chain', async t => {
  const { clock, authority } = await start()
  const { upkeep, stored } = await openUpkeep(t, { clock, authority })
  const issue = authority.issue.bind(authority)
  const wrong = [
    async () => ({ ...(await issue(['example.test'])), key: (await issue(['example.test'])).key }),
    async () => await issue(['elsewhere.test']),
    async () => ({ ...(await issue(['example.test'])), cert: '-----BEGIN CERTIFICATE-----\nMIIB\n' })
  ]
  for (const make of wrong) {
    authority.issue = make
    clock.nowMs += minuteMs
    upkeep.renewals[0]!.ask(new Date(clock.nowMs))
    await upkeep.runDue()
    const { lastError } = upkeep.renewals[0]!.status(new Date(clock.nowMs))
    t.match(lastError, { code: 'ACME_CERTIFICATE_UNFIT', next: /report it/ })
  }
  t.equal(stored.count, 0)
  t.equal(upkeep.renewals[0]!.pair, null)
})

for (const [what, wrongMs] of [
  ['ahead', 400 * dayMs],
  ['behind', -30 * dayMs]
] as const) {
  t.test(`a clock that is ${what}: the certificate serves, it is told, and no order follows another`, async t => {
    const { clock, authority } = await start()
    const right = await SimulatedAuthority.make({ nowMs: begin }, 90)
    authority.issue = domains => right.issue(domains)
    clock.nowMs = begin + wrongMs
    const { upkeep, stored } = await openUpkeep(t, { clock, authority })
    await upkeep.runDue()
    t.equal(stored.count, 1)
    const { lastError } = upkeep.renewals[0]!.status(new Date(clock.nowMs))
    t.match(lastError, { code: 'ACME_CLOCK_WRONG', detail: /here it is 20/, next: /timedatectl/ })
    clock.nowMs += 23 * 60 * minuteMs
    await upkeep.runDue()
    t.equal(authority.asked.length, 1, 'not within a day')
    clock.nowMs = begin + dayMs + 60_000 * 5
    await upkeep.runDue()
    if (what === 'ahead')
      t.match(upkeep.renewals[0]!.status(new Date(clock.nowMs)), { failures: 0 }, 'once it is right')
    t.equal(authority.asked.length, 1)
  })
}

t.test('a file that the operator edited by hand: the certificate is ordered anew, the record begins anew', async t => {
  const { clock, authority } = await start()
  const first = await openUpkeep(t, { clock, authority })
  await first.upkeep.runDue()
  const path = first.store.pathOf('example.test')
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, 300))
  writeFileSync(path.replace('.pem', '.json'), '{"failures": 3, "retryAt": "tomorrow"}')
  const again = await openUpkeep(t, { clock, authority, folder: first.folder })
  await again.upkeep.runDue()
  t.ok(again.upkeep.renewals[0]!.pair)
})

t.test('what killed writes have left is swept away, unless it may still be written', async t => {
  const { clock, authority } = await start()
  const { folder, store } = await openUpkeep(t, { clock, authority })
  const [old, fresh] = ['a.test.pem.00.tmp', 'a.test.pem.01.tmp'].map(name =>
    join(folder, 'acme', 'certificates', name)
  )
  await store.writeRecord('a.test', blankRecord)
  for (const path of [old!, fresh!]) writeFileSync(path, 'half a key')
  utimesSync(old!, begin / 1_000 - 7_200, begin / 1_000 - 7_200)
  utimesSync(fresh!, begin / 1_000 - 60, begin / 1_000 - 60)
  await openUpkeep(t, { clock, authority, folder })
  t.same([existsSync(old!), existsSync(fresh!)], [false, true])
})

t.test('roots of the directory that cannot be read are no failure until something is to be ordered', async t => {
  const { clock, authority } = await start()
  const directoryCa = join(t.testdir({ 'ca.pem': 'roots' }), 'ca.pem')
  const { upkeep, told } = await openUpkeep(t, { clock, authority, config: { directoryCa } })
  await upkeep.runDue()
  t.match(authority.asked, [{ order: { directory: { ca: 'roots' } } }])
  rmSync(directoryCa)
  await upkeep.runDue()
  t.match(upkeep.renewals[0]!.status(new Date(clock.nowMs)), { failures: 0 })
  t.equal(upkeep.nextAt().getTime(), clock.nowMs + 60 * minuteMs, 'and it is not asked for all the time')
  clock.nowMs = begin + 61 * dayMs
  await upkeep.runDue()
  t.match(told.at(-1), ['warn', 'certificate not renewed', { code: 'TLS_FILE_UNREADABLE', detail: /ca\.pem: ENOENT/ }])
})

t.test('two edges that start at once on an empty folder have one account', async t => {
  const { clock, authority } = await start()
  const folder = t.testdir()
  const both = await Promise.all([1, 2, 3, 4].map(() => openUpkeep(t, { clock, authority, folder })))
  t.equal(new Set(both.map(({ upkeep }) => upkeep.thumbprint)).size, 1)
})

t.test('a stopped upkeep asks nobody for anything: another one may be at it', async t => {
  const { clock, authority } = await start()
  const { upkeep } = await openUpkeep(t, { clock, authority })
  await upkeep.stop()
  t.match(await upkeep.order(upkeep.renewals[0]!, 'https://x.test/dir', null), { refused: { code: 'EDGE_STOPPING' } })
  await upkeep.runDue()
  t.equal(authority.asked.length, 0)
})

t.test('another kind of challenge has its turn where a port is closed, and only there', async t => {
  const { clock, authority } = await start()
  const { upkeep } = await openUpkeep(t, { clock, authority })
  const tryIt = async (code: FailureCode) => {
    authority.refuse = () => ({ code, detail: 'x', retryAt: null })
    clock.nowMs = Math.max(clock.nowMs + 1_000, upkeep.nextAt().getTime())
    await upkeep.runDue()
    return authority.asked.at(-1)!.order.challenges[0]
  }
  // DNS that points elsewhere does so for every port: on a standby :443 could never do.
  t.same([await tryIt('ACME_DOMAIN_ELSEWHERE'), await tryIt('ACME_DOMAIN_ELSEWHERE')], ['http-01', 'http-01'])
  await tryIt('ACME_PORT_BLOCKED')
  const [one, two, three] = [
    await tryIt('ACME_PORT_BLOCKED'),
    await tryIt('ACME_PORT_BLOCKED'),
    await tryIt('ACME_PORT_BLOCKED')
  ]
  t.not(one, two)
  t.equal(one, three)
  upkeep.renewals[0]!.ask(new Date(clock.nowMs + 1))
  clock.nowMs += 2
  await upkeep.runDue()
  t.equal(authority.asked.at(-1)!.order.challenges[0], 'http-01', 'who asks begins with the best')
})

t.test('a failure is that of its own order: another directory, other names or a mended account begin anew', async t => {
  const { clock, authority } = await start()
  const retryAt = new Date(begin + 7 * dayMs).toISOString()
  authority.refuse = () => ({ code: 'ACME_RATE_LIMITED', detail: 'too many', retryAt })
  const first = await openUpkeep(t, { clock, authority })
  await first.upkeep.runDue()
  const again = async (config: Partial<AcmeConfig>, domains = ['example.test']) => {
    const { length } = authority.asked
    const { upkeep } = await openUpkeep(t, { clock, authority, folder: first.folder, config, domains })
    await upkeep.runDue()
    return authority.asked.length - length
  }
  t.equal(await again({}), 0)
  t.equal(await again({ email: 'a@b.test' }), 0, 'a limit is not mended by an e-mail')
  t.equal(await again({ directory: 'https://other.test/dir' }), 1)
  t.equal(await again({ grouping: 'together' }, ['example.test', 'b.test']), 1)
  authority.refuse = () => ({ code: 'ACME_ACCOUNT_REFUSED', detail: 'invalidContact', retryAt: null })
  t.equal(await again({ email: 'a@b.test', directory: 'https://third.test/dir' }), 1)
  t.equal(await again({ email: 'a@b.test', directory: 'https://third.test/dir' }), 0)
  t.equal(await again({ email: 'c@d.test', directory: 'https://third.test/dir' }), 1)
})

t.test('what failed without being due is forgotten by the next start', async t => {
  const { clock, authority } = await start()
  const first = await openUpkeep(t, { clock, authority })
  await first.upkeep.runDue()
  authority.refuse = () => down
  clock.nowMs += 1_000
  first.upkeep.renewals[0]!.ask(new Date(clock.nowMs))
  await first.upkeep.runDue()
  t.match(first.upkeep.renewals[0]!.status(new Date(clock.nowMs)), { state: 'failing', failures: 1 })
  const second = await openUpkeep(t, { clock, authority, folder: first.folder })
  t.match(second.upkeep.renewals[0]!.status(new Date(clock.nowMs)), { state: 'waiting', failures: 0, lastError: null })
})

t.test('a clock that is set back puts nothing off', async t => {
  const { clock, authority } = await start()
  const { upkeep } = await openUpkeep(t, { clock, authority })
  await upkeep.runDue()
  clock.nowMs = begin + 400 * dayMs
  authority.refuse = () => down
  upkeep.renewals[0]!.ask(new Date(clock.nowMs))
  await upkeep.runDue()
  clock.nowMs = begin + dayMs
  t.ok(upkeep.nextAt().getTime() <= clock.nowMs)
  authority.refuse = () => null
  const { length } = authority.asked
  await upkeep.runDue()
  t.equal(authority.asked.length, length + 1, 'what was asked for is done now')
})

t.test('a pause that an authority asks for is believed for a day, and for a limit eight', async t => {
  const { clock, authority } = await start()
  const { upkeep } = await openUpkeep(t, { clock, authority })
  for (const [code, days] of [
    ['ACME_AUTHORITY_FAILED', 1],
    ['ACME_RATE_LIMITED', 8]
  ] as const) {
    authority.refuse = () => ({ code, detail: 'x', retryAt: '9999-01-01T00:00:00Z' })
    clock.nowMs = Math.max(clock.nowMs, upkeep.nextAt().getTime())
    await upkeep.runDue()
    t.equal(Math.floor((upkeep.nextAt().getTime() - clock.nowMs) / dayMs), days)
  }
})
