import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Answer, ask } from '../doubles/foreign-client.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

const health = '/api/v1/health'

/** Ends a process of a container from outside of it: to the engine a crash, and no wish of an operator. */
async function crash(stack: Stack, service: string, name: RegExp): Promise<void> {
  const { out } = await docker(['top', await stack.container(service), '-eo', 'pid,args'])
  const found = out.split('\n').find(line => name.test(line) && !line.includes('docker-init'))
  process.kill(Number.parseInt(found ?? '', 10), 'SIGKILL')
}

/** How often the engine has started it again. */
async function restartsOf(stack: Stack, service: string): Promise<number> {
  return (await stack.inspect(service)).RestartCount
}

/** Asks until it is served; what was answered before that, and how long the slowest of it took, in milliseconds. */
async function untilServed(t: Test, stack: Stack, path: string): Promise<{ failures: Answer[]; slowestMs: number }> {
  const failures: Answer[] = []
  let slowestMs = 0
  const late = performance.now() + 30_000
  while (performance.now() < late) {
    const began = performance.now()
    const answer = await ask(t, stack, 'h1', { path }).catch(() => null)
    slowestMs = Math.max(slowestMs, performance.now() - began)
    if (answer?.status === 200) return { failures, slowestMs }
    if (answer !== null) failures.push(answer)
    await pause(20)
  }
  throw new Error(`${path} is not served again within 30 s`)
}

t.test('what dies comes back by itself', { skip: engineMissing }, async t => {
  const stack = await upStack(t, 'single')

  for (const [service, process, path] of [
    ['web-blue', /next-server/, '/'],
    ['api-blue', /uvicorn/, health]
  ] as const) {
    t.test(`${service}: the edge says so, at once, until it is there again`, async t => {
      await untilServed(t, stack, path)
      await crash(stack, service, process)
      const { failures, slowestMs } = await untilServed(t, stack, path)
      t.ok(failures.length > 0, 'it was away')
      for (const { status, body } of failures) {
        t.ok(status === 502 || status === 503, `${status}`)
        t.match(JSON.parse(body).error, { code: /^EDGE_UPSTREAM_/, request: /^\S{8,}$/ })
      }
      t.ok(slowestMs < 3_000, `nobody waited longer than ${Math.round(slowestMs)} ms`)
      t.equal(await restartsOf(stack, service), 1)
    })
  }

  t.test('the edge: the site is back within seconds, with the same certificates', async t => {
    await crash(stack, 'edge', /twinedge\.ts run/)
    const began = performance.now()
    await untilServed(t, stack, '/') // by a client that trusts the authority of before
    t.ok(performance.now() - began < 5_000, `${Math.round(performance.now() - began)} ms`)
    t.equal(await restartsOf(stack, 'edge'), 1)
  })

  t.test('the edge, stopped in its first moments, does not take the whole grace', async t => {
    const began = performance.now()
    await docker(['restart', await stack.container('edge')])
    await docker(['stop', await stack.container('edge')])
    t.ok(performance.now() - began < 10_000, `${Math.round(performance.now() - began)} ms`)
    await stack.compose('start', 'edge')
    await untilServed(t, stack, '/')
  })

  t.test('an API that takes more memory than it may is ended, and serves again', async t => {
    const before = await restartsOf(stack, 'api-blue')
    // The kernel is to choose the app itself; what else runs in there takes the memory.
    const script =
      'open("/proc/1/oom_score_adj", "w").write("1000")\nkept = []\nwhile True: kept.append(bytearray(16 << 20))'
    await stack.compose('exec', '-T', 'api-blue', 'python3', '-c', script)
    await untilServed(t, stack, health)
    t.equal(await restartsOf(stack, 'api-blue'), before + 1)
    t.equal((await ask(t, stack, 'h2', { path: '/' })).status, 200, 'the rest of the machine never felt it')
  })
})
