import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EdgeError } from '../../../proxy/errors.ts'
import { SimulatedAuthority } from '../../doubles/authority/simulated-authority.ts'
import { openUpkeep } from '../../fixtures/upkeep.ts'

const begin = Date.UTC(2026, 10, 22, 12)
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const at = (days: number): string => new Date(begin + days * dayMs).toISOString()

async function start(t: Parameters<typeof openUpkeep>[0]) {
  const clock = { nowMs: begin }
  const authority = await SimulatedAuthority.make(clock, 90)
  const opened = await openUpkeep(t, { clock, authority })
  await opened.upkeep.runDue()
  authority.advise = () => ({
    ok: { start: at(20), end: at(21), explanationUrl: 'https://a.test/why', askAgainAt: at(0.25) }
  })
  return { clock, authority, ...opened }
}

t.test('it is asked for when the authority said, not at each look; why is told', async t => {
  const { upkeep, authority, clock, told } = await start(t)
  for (let i = 0; i < 3; i++) await upkeep.runDue()
  t.equal(authority.advised.length, 1)
  clock.nowMs = begin + 0.25 * dayMs
  await upkeep.runDue()
  t.equal(authority.advised.length, 2)
  t.match(told[1], ['info', 'renewal is advised', { domains: ['example.test'], url: 'https://a.test/why' }])
})

t.test('an authority without advice is asked again six hours later', async t => {
  const { upkeep, authority } = await start(t)
  authority.advise = () => ({ ok: null })
  await upkeep.runDue()
  t.equal(upkeep.nextAt().getTime(), begin + dayMs / 4)
})

t.test('it holds in the next process, before that has asked; what is no news is not written', async t => {
  const { upkeep, authority, clock, folder, store } = await start(t)
  await upkeep.runDue()
  const again = await openUpkeep(t, { clock, authority, folder })
  t.match(again.upkeep.renewals[0]!.status(new Date(begin)), { reason: 'ari' })
  store.writeRecord = async () => void t.fail('written')
  clock.nowMs = begin + 0.25 * dayMs
  await upkeep.runDue()
})

t.test('a disk that is full does not keep it from being followed', async t => {
  const { upkeep, store, told } = await start(t)
  store.writeRecord = async () => {
    throw new EdgeError('EDGE_DISK_FULL', 'no space left')
  }
  await upkeep.runDue()
  t.match(upkeep.renewals[0]!.status(new Date(begin)), { reason: 'ari', failures: 0 })
  t.match(told.at(-1), ['warn', /not noted: .*EDGE_DISK_FULL/, {}])
})

t.test('another account replaces nothing that this one ordered', async t => {
  const { clock, authority, folder } = await start(t)
  writeFileSync(join(folder, 'acme', 'account.key'), 'cut')
  const again = await openUpkeep(t, { clock, authority, folder })
  again.upkeep.renewals[0]!.ask(new Date(begin))
  await again.upkeep.runDue()
  t.equal(authority.asked.length, 2)
  t.equal(authority.asked[1]!.order.replaces, null)
})

t.test('one that has ended is asked about no more; a limit on asking is kept to', async t => {
  const { upkeep, authority, clock } = await start(t)
  const retryAt = new Date(begin + dayMs).toISOString()
  authority.advise = () => ({ refused: { code: 'ACME_RATE_LIMITED', detail: 'too many', retryAt } })
  await upkeep.runDue()
  t.equal(upkeep.nextAt().getTime(), begin + dayMs)
  authority.refuse = () => ({ code: 'ACME_AUTHORITY_FAILED', detail: 'x', retryAt: null })
  clock.nowMs = begin + 91 * dayMs
  const { length } = authority.advised
  await upkeep.runDue()
  t.equal(authority.advised.length, length)
})
