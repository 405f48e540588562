import t from 'tap'
import type { Refusal } from '../../../proxy/acme/authority.ts'
import { importAll, renew } from '../../../proxy/acme/requests.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { Lease } from '../../../proxy/state/lease.ts'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'
import { SimulatedAuthority } from '../../doubles/authority/simulated-authority.ts'
import { openUpkeep, type UpkeepPart } from '../../fixtures/upkeep.ts'

const begin = Date.UTC(2026, 10, 22, 12)
const hourMs = 3_600_000
const dryRun = { names: [], force: false, dryRun: true, directory: 'https://staging.test/dir' }

async function start(t: Parameters<typeof openUpkeep>[0], part: Partial<UpkeepPart> = {}) {
  const clock = { nowMs: begin }
  const authority = await SimulatedAuthority.make(clock, 90)
  return { clock, authority, ...(await openUpkeep(t, { clock, authority, ...part })) }
}

t.test('an order, a dry run and an import go one after the other', async t => {
  const { upkeep, authority } = await start(t)
  let open = 0
  authority.during = async () => {
    t.equal(++open, 1, 'no other order is open')
    // Long enough for the others to come in between, if they could.
    await new Promise(done => setTimeout(done, 150))
    open--
  }
  const pair = await makeLeaf(await makeRoot(new Date(begin)), ['example.test'], new Date(begin), 80)
  const order = upkeep.runDue()
  const rehearsal = renew(upkeep, dryRun, new Date(begin))
  const imported = importAll(upkeep, { certificates: [{ source: 'live/x', ...pair }] })
  await Promise.all([order, rehearsal])
  t.match(await imported, { certificates: [{ names: [], reason: /lasts as long/ }] }, 'it finds what the order stored')
  t.equal(authority.asked.length, 2)
})

t.test('an import that fails holds up no order after it', async t => {
  const { upkeep, store } = await start(t)
  const { write } = store
  store.write = async () => {
    throw new EdgeError('EDGE_DISK_FULL', 'no space left')
  }
  const pair = await makeLeaf(await makeRoot(new Date(begin)), ['example.test'], new Date(begin))
  const certificates = [{ source: 'live/x', ...pair }]
  await t.rejects(importAll(upkeep, { certificates }), { code: 'EDGE_DISK_FULL' })
  store.write = write
  await upkeep.runDue()
  t.ok(upkeep.renewals[0]!.pair)
})

t.test('an import again of what is stored is not stored again', async t => {
  const { upkeep } = await start(t)
  const pair = await makeLeaf(await makeRoot(new Date(begin)), ['example.test'], new Date(begin))
  const certificates = [{ source: 'live/x', ...pair }]
  t.match(await importAll(upkeep, { certificates }), { certificates: [{ names: ['example.test'] }] })
  t.match(await importAll(upkeep, { certificates }), { certificates: [{ names: [], reason: /lasts as long/ }] })
})

t.test('together: what covers one of the domains is not imported for all of them, nor loaded', async t => {
  const part = { domains: ['a.test', 'b.test'], config: { grouping: 'together' } as const }
  const { upkeep, store } = await start(t, part)
  const pair = await makeLeaf(await makeRoot(new Date(begin)), ['a.test'], new Date(begin))
  const answer = await importAll(upkeep, { certificates: [{ source: 'live/a.test', ...pair }] })
  t.match(answer, { certificates: [{ names: [], reason: /none that is served here/ }] })
  await store.write('a.test', pair)
  await upkeep.renewals[0]!.load()
  t.equal(upkeep.renewals[0]!.pair, null)
})

t.test('a dry run replaces nothing, whatever is stored', async t => {
  const { upkeep, authority } = await start(t)
  await upkeep.runDue()
  await renew(upkeep, dryRun, new Date(begin))
  t.equal(authority.asked[1]!.order.replaces, null)
})

t.test('a stop in the middle of an order: what comes after it is not ordered', async t => {
  const { upkeep, authority } = await start(t, { domains: ['a.test', 'b.test'] })
  const stops: Promise<void>[] = []
  authority.during = async () => void stops.push(upkeep.stop())
  await upkeep.runDue()
  await Promise.all(stops)
  t.equal(authority.asked.length, 1)
})

t.test('a stop while advice is asked for: nothing is ordered on it', async t => {
  const { upkeep, authority, clock } = await start(t)
  await upkeep.runDue()
  clock.nowMs += 61 * 24 * hourMs
  authority.advise = () => {
    void upkeep.stop()
    return { ok: null }
  }
  await upkeep.runDue()
  t.equal(authority.asked.length, 1)
})

t.test('while another process orders it is left alone, and looked at again after ten seconds', async t => {
  const { upkeep, authority, clock, store } = await start(t)
  const other = await Lease.take(store.leasePath, () => new Date(clock.nowMs))
  await upkeep.runDue()
  await other!.release()
  t.equal(upkeep.nextAt().getTime(), clock.nowMs + 10_000)
  clock.nowMs += 9_000
  await upkeep.runDue()
  t.equal(authority.asked.length, 0)
  clock.nowMs += 1_000
  await upkeep.runDue()
  t.equal(authority.asked.length, 1)
})

t.test('a file of the configuration that is not there is told by its code', async t => {
  const { told, upkeep, authority } = await start(t, { config: { eab: { kid: 'kid-1', keyFile: '/nowhere/eab.key' } } })
  await upkeep.runDue()
  t.match(told, [['warn', 'certificate not renewed', { code: 'TLS_FILE_UNREADABLE', detail: /eab\.key/ }]])
  t.equal(authority.asked.length, 0)
})

t.test('a certificate dated half an hour ahead is no wrong clock: machines differ', async t => {
  const { upkeep, authority, told } = await start(t)
  const ahead = await SimulatedAuthority.make({ nowMs: begin + 1.5 * hourMs }, 90)
  authority.issue = domains => ahead.issue(domains)
  await upkeep.runDue()
  t.match(told, [['info', 'certificate issued']])
  t.match(upkeep.renewals[0]!.status(new Date(begin)), { failures: 0 })
})

t.test('a limit that was noted under a clock that has been set back limits nothing', async t => {
  const { upkeep, authority } = await start(t)
  const refusal: Refusal = { code: 'ACME_RATE_LIMITED', detail: 'too many', retryAt: null }
  authority.refuse = () => refusal
  await upkeep.runDue()
  const [renewal] = upkeep.renewals
  t.ok(renewal!.isLimited(new Date(begin)))
  t.notOk(renewal!.isLimited(new Date(begin - 1)))
})

t.test('where one kind of challenge failed the next order tries the other', async t => {
  const { upkeep, authority, clock } = await start(t)
  authority.refuse = () => ({ code: 'ACME_PORT_BLOCKED', detail: 'connection: refused', retryAt: null })
  await upkeep.runDue()
  clock.nowMs = upkeep.nextAt().getTime()
  await upkeep.runDue()
  t.same(
    authority.asked.map(({ order }) => order.challenges[0]),
    ['http-01', 'tls-alpn-01']
  )
})

t.test('a dry run tells of a file that is not there as of any failure', async t => {
  const { upkeep } = await start(t, { config: { eab: { kid: 'kid-1', keyFile: '/nowhere/eab.key' } } })
  const { renewals } = await renew(upkeep, dryRun, new Date(begin))
  t.match(renewals, [{ outcome: 'failed', error: { code: 'TLS_FILE_UNREADABLE', next: /.+/ } }])
})

t.test('after a stop no advice is asked for either', async t => {
  const { upkeep, authority } = await start(t)
  await upkeep.runDue()
  await upkeep.stop()
  await upkeep.runDue()
  t.equal(authority.advised.length, 0)
})
