import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Lease } from '../../../proxy/state/lease.ts'

const begin = Date.UTC(2026, 10, 22)
const now = (): Date => new Date(begin)
const holder = (token: string, until: number): string => JSON.stringify({ token, pid: 1, until })

/** The lease, and its timer's callback. */
async function takeWithBeat(t: Test, path: string) {
  const timers = t.capture(globalThis, 'setInterval', globalThis.setInterval)
  const lease = await Lease.take(path, now)
  const [{ args, returned }] = timers() as unknown as [{ args: [() => void]; returned: NodeJS.Timeout }]
  return { lease: lease!, beat: args[0], timer: returned }
}

t.test('one that another process has taken since is not prolonged', async t => {
  const path = join(t.testdir(), 'lease')
  const { lease, beat } = await takeWithBeat(t, path)
  writeFileSync(path, holder('theirs', begin + 30_000))
  beat()
  await pause(100)
  t.match(JSON.parse(readFileSync(path, 'utf8')), { token: 'theirs' })
  await lease.release()
  t.ok(existsSync(path))
})

t.test('released, its timer is gone; it is readable by its user alone', async t => {
  const path = join(t.testdir(), 'lease')
  const cleared = t.capture(globalThis, 'clearInterval', globalThis.clearInterval)
  const { lease, timer } = await takeWithBeat(t, path)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.notOk(timer.hasRef(), 'it does not hold a process that ends')
  await lease.release()
  t.equal(cleared()[0]?.args[0], timer)
})

t.test('who sees another replace a lapsed one at this moment leaves that alone', async t => {
  const path = join(t.testdir(), 'lease')
  writeFileSync(path, holder('lapsed', begin - 1))
  writeFileSync(`${path}.after-lapsed`, holder('replacing', begin + 30_000))
  t.equal(await Lease.take(path, now), null)
  t.match(await readFile(`${path}.after-lapsed`, 'utf8'), /replacing/)
})

t.test('released while it is being prolonged, it stays released', async t => {
  const path = join(t.testdir(), 'lease')
  const clock = t.capture(globalThis, 'setInterval', globalThis.setInterval)
  const lease = await Lease.take(path, () => new Date(begin))
  const [beat] = clock()[0]!.args as [() => void]
  beat()
  await lease!.release()
  await pause(50)
  t.same(readdirSync(join(path, '..')), [])
})

t.test('a clock that is set back by a second does not free what is held', async t => {
  const path = join(t.testdir(), 'lease')
  t.ok(await Lease.take(path, () => new Date(begin)))
  t.equal(await Lease.take(path, () => new Date(begin - 1_000)), null)
})
