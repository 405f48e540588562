import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { carryOut } from '../../../../compose/server/deploy/order.ts'
import { follow, give, listOrders, stop } from '../../../../compose/server/deploy/orders.ts'
import type { Followed, Order } from '../../../../compose/server/deploy/records.ts'
import { EdgeError } from '../../../../proxy/errors.ts'
import { how } from '../../../doubles/deploy-servers.ts'

const longestMs = 20_000
const entry = { entry: { release: 7 } }

function orderOf(id: string): Order {
  return { id, project: 'shop', who: 'ann@desk', what: { part: 'web', to: { image: 'web:1' }, how } }
}

/** Stands for `twinedge server order ID`: says that it is there, as that does, and runs a script. */
function program(site: string, id: string, script: string): string[] {
  const folder = join(site, 'orders', id)
  const end = `echo '${JSON.stringify(entry)}' > result.tmp; mv result.tmp result.json`
  return ['/bin/sh', '-c', `cd ${folder}; printf $$ > pid.tmp; mv pid.tmp pid; end() { ${end}; }; ${script}`, 'sh', id]
}

async function toEnd(site: string, id: string): Promise<Followed> {
  let all = ''
  for (let from = 0, late = Date.now() + longestMs; Date.now() < late; ) {
    const { text, next, end } = await follow(site, id, from)
    all += text
    from = next
    if (end !== null) return { text: all, next, end }
  }
  throw new Error(`it does not end; so far: ${all}`)
}

async function until(isSo: () => boolean): Promise<void> {
  for (const late = Date.now() + longestMs; !isSo() && Date.now() < late; ) await pause(10)
}

function isRunning(t: Test, site: string, id: string): number {
  const pid = Number(readFileSync(join(site, 'orders', id, 'pid'), 'utf8'))
  // A signal to 0 is one to everybody in this process's group: the whole run.
  if (!(pid > 1)) throw new Error(`this is no process: ${pid}`)
  t.teardown(() => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL')
  })
  return pid
}

t.test('what it says can be followed from any byte, and its end comes behind all of it', async t => {
  const site = t.testdir()
  await give(site, orderOf('a'), program(site, 'a', 'echo eins; echo zwei ä; printf drei; end'))
  t.strictSame(await toEnd(site, 'a'), { text: 'eins\nzwei ä\ndrei', next: 17, end: entry })
  t.strictSame(await follow(site, 'a', 5), { text: 'zwei ä\ndrei', next: 17, end: entry }, 'by whoever comes back')
  t.strictSame(await listOrders(site), [{ id: 'a', state: 'done' }])
})

t.test('half a line is not told, and news is told at once', async t => {
  const site = t.testdir()
  await give(
    site,
    orderOf('a'),
    program(site, 'a', 'echo whole; printf half; while [ ! -e go ]; do sleep .02; done; end')
  )
  await until(() => existsSync(join(site, 'orders/a/pid')))
  isRunning(t, site, 'a')
  t.strictSame(await follow(site, 'a', 0), { text: 'whole\n', next: 6, end: null })
  writeFileSync(join(site, 'orders/a/go'), '')
  t.match(await toEnd(site, 'a'), { text: 'whole\nhalf', end: entry })
})

t.test('given twice, it is carried out once', async t => {
  const site = t.testdir()
  const wait = 'echo begun >> ../../count; while [ ! -e go ]; do sleep .02; done; end'
  await give(site, orderOf('a'), program(site, 'a', wait))
  await until(() => existsSync(join(site, 'count')))
  isRunning(t, site, 'a')
  await give(site, orderOf('a'), program(site, 'a', wait))
  writeFileSync(join(site, 'orders/a/go'), '')
  await toEnd(site, 'a')
  await give(site, orderOf('a'), program(site, 'a', wait))
  t.equal(readFileSync(join(site, 'count'), 'utf8'), 'begun\n')
})

t.test('it outlives whoever has given it', async t => {
  const site = t.testdir()
  const orders = join(import.meta.dirname, '../../../../compose/server/deploy/orders.ts')
  const command = program(site, 'a', 'while [ ! -e go ]; do sleep .02; done; echo still here; end')
  const code = `import { give } from '${orders}'
    await give('${site}', ${JSON.stringify(orderOf('a'))}, ${JSON.stringify(command)}); setInterval(() => {}, 1000)`
  const { NODE_OPTIONS: _, ...env } = process.env
  const giver = spawn(process.execPath, ['--input-type=module', '-e', code], { env, detached: true, stdio: 'inherit' })
  t.teardown(() => giver.kill('SIGKILL'))
  await until(() => existsSync(join(site, 'orders/a/pid')))
  isRunning(t, site, 'a')
  // As sshd ends a session: everybody in its group.
  process.kill(-giver.pid!, 'SIGKILL')
  await new Promise(resolve => giver.once('exit', resolve))
  writeFileSync(join(site, 'orders/a/go'), '')
  t.match(await toEnd(site, 'a'), { text: 'still here\n', end: entry })
})

t.test('one that is killed is lost, even if its number is another process by now', async t => {
  const site = t.testdir()
  await give(site, orderOf('a'), program(site, 'a', 'echo begun; touch said; while :; do sleep .02; done'))
  await until(() => existsSync(join(site, 'orders/a/said')))
  process.kill(isRunning(t, site, 'a'), 'SIGKILL')
  t.match(await toEnd(site, 'a'), { text: 'begun\n', end: { lost: true } })
  mkdirSync(join(site, 'orders/b'))
  writeFileSync(join(site, 'orders/b/order.json'), '{}')
  writeFileSync(join(site, 'orders/b/pid'), `${process.pid}`)
  t.match(await follow(site, 'b', 0), { end: { lost: true } }, 'as after a reboot')
})

t.test('it is stopped by a signal that it may heed', async t => {
  const site = t.testdir()
  const heed = `trap 'echo undone; end; exit' TERM; touch ready; while :; do sleep .02; done`
  await give(site, orderOf('a'), program(site, 'a', heed))
  await until(() => existsSync(join(site, 'orders/a/ready')))
  await stop(site, 'a')
  t.match(await toEnd(site, 'a'), { text: 'undone\n', end: entry })
  await stop(site, 'a')
})

t.test('those that ended long ago are forgotten, those that run are not', async t => {
  const site = t.testdir()
  await give(site, orderOf('old'), program(site, 'old', 'while [ ! -e go ]; do sleep .02; done; end'))
  await until(() => existsSync(join(site, 'orders/old/pid')))
  isRunning(t, site, 'old')
  for (let at = 0; at < 32; at++) {
    mkdirSync(join(site, `orders/id-${at}`))
    writeFileSync(join(site, `orders/id-${at}/result.json`), '{"lost":true}')
  }
  await give(site, orderOf('new'), program(site, 'new', 'end'))
  await toEnd(site, 'new')
  const ids = (await listOrders(site)).map(({ id }) => id)
  t.equal(ids.length, 32)
  t.ok(ids.includes('old'))
  writeFileSync(join(site, 'orders/old/go'), '')
  await toEnd(site, 'old')
})

t.test('a process that comes after its order was settled leaves it alone', async t => {
  const site = t.testdir()
  const put = (order: Order): void => {
    mkdirSync(join(site, 'orders', order.id), { recursive: true })
    writeFileSync(join(site, 'orders', order.id, 'order.json'), JSON.stringify(order))
  }
  const said: string[] = []
  const access = async (_: string, __: string, verb: string): Promise<never> => {
    said.push(verb)
    throw new EdgeError('EDGE_NOT_RUNNING', 'as told')
  }
  put(orderOf('a'))
  put({ ...orderOf('a-settled'), what: { settle: 'a' } })
  await carryOut(site, 'a-settled', process.pid, access)
  t.match(await follow(site, 'a-settled', 0), { end: { failure: { code: 'EDGE_NOT_RUNNING' } } })
  await carryOut(site, 'a', process.pid, access)
  t.strictSame(said, ['slots settle'], 'nothing was swapped')
})

t.test('what a newer laptop orders, and nobody here knows, changes nothing', async t => {
  const site = t.testdir()
  const to = { forth: 7 } as unknown as { back: number }
  mkdirSync(join(site, 'orders/a'), { recursive: true })
  writeFileSync(join(site, 'orders/a/order.json'), JSON.stringify({ ...orderOf('a'), what: { part: 'web', to, how } }))
  const asked: string[] = []
  await carryOut(site, 'a', process.pid, async (_, __, verb) => {
    asked.push(verb)
    throw new EdgeError('EDGE_NOT_RUNNING', 'as told')
  })
  t.match(await follow(site, 'a', 0), { end: { failure: { code: 'SERVER_TOOL_OTHER', detail: /change web so/ } } })
  t.strictSame(asked, [], 'no stack was asked for')
})

t.test('an id is no way out of the folder', async t => {
  for (const id of ['../a', 'a/b', '', '..', 'x'.repeat(100)]) {
    await t.rejects(follow(t.testdir(), id, 0), { code: 'EDGE_USAGE' })
  }
})
