import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isProcessGone, readLock, takeLock } from '../../../compose/record/lock.ts'
import { command, project } from '../../doubles/command.ts'
import { until } from '../../doubles/edge-process.ts'

const me = { who: 'me@here', host: 'here', verb: 'swap web app:2' }
const other = { who: 'other@here', host: 'here', verb: 'rollback web' }
const now = (): Date => new Date()

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'te-lock-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

t.test('who comes second is told who was first, with what, since when', async t => {
  const at = await folder(t)
  const first = await takeLock(at, me, now)
  await t.rejects(takeLock(at, other, now), {
    code: 'COMPOSE_LOCKED',
    detail: new RegExp(`^me@here \\(process ${process.pid}\\) has been at "swap web app:2" since 20`)
  })
  t.match(await readLock(at, 'here', now), { who: 'me@here', verb: 'swap web app:2', pid: process.pid, isAlive: true })
  await first.release()
  t.equal(await readLock(at, 'here', now), null)
  const second = await takeLock(at, other, now)
  t.teardown(() => second.release())
})

t.test("it is broken by its holder's name, and no other; whoever had it notices", async t => {
  const at = await folder(t)
  const first = await takeLock(at, me, now)
  t.teardown(() => first.release())
  await first.check()
  await t.rejects(takeLock(at, other, now, 'somebody@else'), { code: 'COMPOSE_LOCKED' })
  const second = await takeLock(at, other, now, 'me@here')
  t.teardown(() => second.release())
  await t.rejects(first.check(), { code: 'COMPOSE_LOCKED', detail: /^it was taken from us: other@here/ })
})

t.test('a holder that was killed here holds nothing up', async t => {
  const at = await folder(t)
  const take = `import { takeLock } from '${project}/compose/record/lock.ts'
    await takeLock('${at}', ${JSON.stringify(me)}, () => new Date()); process.kill(process.pid, 'SIGKILL')`
  await command('env', ['-u', 'NODE_OPTIONS', process.execPath, '--input-type=module', '-e', take])
  t.match(await readLock(at, 'here', now), { isAlive: false })
  t.match(await readLock(at, 'there', now), { isAlive: true }, 'of another host nothing can be seen until it lapses')
  const second = await takeLock(at, other, now)
  await second.release()
})

t.test('one of another host is waited for until it lapses', async t => {
  const at = await folder(t)
  const first = await takeLock(at, { ...me, host: 'there' }, now)
  t.teardown(() => first.release())
  await t.rejects(takeLock(at, other, now), { code: 'COMPOSE_LOCKED' })
  const second = await takeLock(at, other, () => new Date(Date.now() + 31_000))
  t.teardown(() => second.release())
})

t.test('a process that has ended is gone, though its parent never asks how', async t => {
  // A shell would ask, were it still one.
  const text = '(until grep -q sleep /proc/$$/comm; do :; done) & echo $!; exec sleep 60'
  const parent = spawn('sh', ['-c', text], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => parent.kill())
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(line)
  const isZombie = (): boolean => / Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  await until(isZombie, 'it has ended')
  t.equal(process.kill(pid, 0), true, 'its number is still taken')
  t.equal(isProcessGone(pid), true)
  t.equal(isProcessGone(parent.pid!), false)
})

t.test('a process that lives is not gone, whatever it is called', async t => {
  const living = spawn('sh', ['-c', 'printf "a) Z b" >/proc/$$/comm; echo; read line'], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  t.teardown(() => living.kill())
  await once(living.stdout, 'data')
  t.match(readFileSync(`/proc/${living.pid}/stat`, 'latin1'), '(a) Z b) ')
  t.equal(isProcessGone(living.pid!), false)
})
