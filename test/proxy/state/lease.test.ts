import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Lease } from '../../../proxy/state/lease.ts'
import { until } from '../../doubles/edge-process.ts'

const begin = Date.UTC(2026, 10, 22)

t.test('one holder at a time; released, it is free', async t => {
  const path = join(t.testdir(), 'acme', 'lease')
  const now = (): Date => new Date(begin)
  const first = await Lease.take(path, now)
  t.ok(first)
  t.equal(await Lease.take(path, now), null)
  await first!.release()
  const second = await Lease.take(path, now)
  t.ok(second)
  await first!.release()
  t.equal(await Lease.take(path, now), null, 'who held it before cannot give away what is not theirs')
  await second!.release()
  t.same(readdirSync(join(path, '..')), [], 'nothing is left behind')
})

t.test('of ten who try at once one gets it', async t => {
  const path = join(t.testdir(), 'lease')
  const tries = await Promise.all(Array.from({ length: 10 }, () => Lease.take(path, () => new Date(begin))))
  t.equal(tries.filter(lease => lease !== null).length, 1)
})

t.test('that of a process that was killed lapses after half a minute, and then one of ten gets it', async t => {
  const path = join(t.testdir(), 'lease')
  const killed = { token: 'of another', pid: 1, until: begin + 30_000 }
  writeFileSync(path, JSON.stringify(killed))
  t.equal(await Lease.take(path, () => new Date(begin + 29_000)), null)
  const tries = await Promise.all(Array.from({ length: 10 }, () => Lease.take(path, () => new Date(begin + 31_000))))
  t.equal(tries.filter(lease => lease !== null).length, 1)
  t.match(JSON.parse(readFileSync(path, 'utf8')), { pid: process.pid, until: begin + 61_000 })
  t.same(readdirSync(join(path, '..')), ['lease'], 'nothing is left behind')
})

t.test('one that was killed while it replaced a lapsed one is replaced too', async t => {
  const path = join(t.testdir(), 'lease')
  const killed = (token: string): string => JSON.stringify({ token, pid: 1, until: begin })
  writeFileSync(path, killed('first'))
  writeFileSync(`${path}.after-first`, killed('second'))
  const now = (): Date => new Date(begin + 1_000)
  t.equal(await Lease.take(path, now), null)
  t.ok(await Lease.take(path, now))
})

t.test('one from the far future was written by a wrong clock', async t => {
  const path = join(t.testdir(), 'lease')
  writeFileSync(path, JSON.stringify({ token: 'x', pid: 1, until: begin + 365 * 86_400_000 }))
  t.ok(await Lease.take(path, () => new Date(begin)))
})

t.test('a file that is no lease is none', async t => {
  const path = join(t.testdir(), 'lease')
  writeFileSync(path, '{ "token": ')
  t.ok(await Lease.take(path, () => new Date(begin)))
})

t.test('while its holder lives it does not lapse', async t => {
  const path = join(t.testdir(), 'lease')
  const clock = t.capture(globalThis, 'setInterval', globalThis.setInterval)
  let nowMs = begin
  const lease = await Lease.take(path, () => new Date(nowMs))
  const [beat, everyMs] = clock()[0]!.args as [() => void, number]
  t.equal(everyMs, 10_000)
  nowMs += everyMs
  beat()
  const holder = () => JSON.parse(readFileSync(path, 'utf8'))
  await until(() => holder().until === begin + 40_000, 'the lease is prolonged')
  await lease!.release()
})
