import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { command, isThere, project, twinedge } from '../doubles/command.ts'
import { ask, protocols } from '../doubles/foreign-client.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'
import { begin } from '../doubles/stack/underway.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

const LONGEST_MS = 60_000

async function enginePid(): Promise<number> {
  return Number(await readFile('/var/run/docker.pid', 'utf8'))
}

/** Nobody's engine but the testbed's own is ended by a test. */
async function skip(): Promise<string> {
  if (engineMissing !== '') return engineMissing
  const log = await enginePid()
    .then(pid => readlink(`/proc/${pid}/fd/1`))
    .catch(() => '')
  return log.endsWith('/dockerd.log')
    ? ''
    : 'this Docker engine is not the one that test/stack/testbed starts: it is left alone'
}

async function startEngine(): Promise<void> {
  const { NODE_OPTIONS: _, ...env } = process.env
  // In a session of its own: it outlives the test.
  const { code, err } = await command('setsid', ['-w', join(project, 'test/stack/testbed'), 'engine'], {
    env,
    timeoutMs: LONGEST_MS
  })
  if (code !== 0) throw new Error(`the engine is not back: ${err}`)
}

async function waitUntil(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const late = performance.now() + LONGEST_MS
  while (!(await isSo())) {
    if (performance.now() > late) throw new Error(`not within ${LONGEST_MS / 1000} s: ${what}`)
    await pause(100)
  }
}

/** Each service, its container, its state and its health. */
async function stateOf(stack: Stack): Promise<string> {
  const { out } = await stack.compose('ps', '--all', '--format', '{{.Service}} {{.ID}} {{.State}} {{.Health}}')
  return out.trim().split('\n').sort().join('\n')
}

/** The first process of each container that runs. */
async function pidsOf(stack: Stack): Promise<number[]> {
  const { out } = await stack.compose('ps', '--quiet')
  const all = await docker(['inspect', '--format', '{{.State.Pid}}', ...out.trim().split('\n')])
  return all.out.trim().split('\n').map(Number)
}

/** @param signal SIGKILL: the containers end with the engine */
async function restartEngine(stack: Stack, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const pid = await enginePid()
  const containers = signal === 'SIGKILL' ? await pidsOf(stack) : []
  process.kill(pid, signal)
  await waitUntil(async () => !isThere(pid), 'the engine is gone')
  // The engine alone, killed, would leave the containers running: without power nothing runs. After it, or it
  // would start them again with its last breath.
  for (const container of containers) process.kill(container, signal)
  await waitUntil(async () => !containers.some(isThere), 'the containers are gone')
  await startEngine()
}

const whenLong = { skip: process.env.WAN === 'long' ? false : 'takes long: WAN=long' }

t.test('an engine that was down has everything as it was, with no command typed', { skip: await skip() }, async t => {
  t.teardown(startEngine)
  const stack = await upStack(t, 'single')
  const run = (...args: string[]) => twinedge([...args, '--project', stack.project])
  const image = `${stack.project}-web:2`
  await docker(['tag', 'localhost/twinedge/web:sample', image])
  t.teardown(() => docker(['rmi', image, ...[1, 2].map(number => `localhost/${stack.project}/web:release-${number}`)]))
  const swapped = await run('swap', 'web', image)
  t.equal(swapped.code, 0, swapped.err)
  const before = await stateOf(stack)
  t.match(before, /^edge \S+ running healthy$/m)
  t.match(before, /^web-blue \S+ exited *$/m, 'what a swap has stopped')
  t.match(before, /^web-green \S+ running healthy$/m, 'what serves')
  const looked = (await stack.inspect('preflight')).State.StartedAt
  const isAsBefore = async (t: Test, but = ''): Promise<void> => {
    const without = (state: string) => state.split('\n').filter(line => but === '' || !line.startsWith(but))
    let state = ''
    const isSo = async () => {
      state = await stateOf(stack)
      return without(state).join() === without(before).join()
    }
    await waitUntil(isSo, before).catch(() => t.equal(state, before))
    t.equal((await stack.inspect('preflight')).State.StartedAt, looked, '.env is not looked at again')
    // The engine's word for its health may be one of before.
    for (const path of ['/', '/api/v1/health'])
      await waitUntil(async () => (await ask(t, stack, 'h1', { path }).catch(() => null))?.status === 200, path)
    for (const protocol of protocols) {
      t.equal((await ask(t, stack, protocol, { path: '/api/v1/health' })).body, '{"status":"ok"}')
      t.match(await ask(t, stack, protocol, { path: '/' }), { status: 200, isComplete: true })
    }
  }
  const beginSwap = (...how: string[]) =>
    begin({ project: stack.project, envFile: stack.file }, 'swap', 'web', image, ...how)

  t.test('after a reboot', async t => {
    await restartEngine(stack, 'SIGTERM')
    await isAsBefore(t)
  })

  t.test('after a power cut, while the one was stopped and the other was not there yet', async t => {
    const killed = beginSwap('--hold')
    t.equal(await killed.at('awaitHealthyHeld'), 'awaitHealthyHeld')
    killed.kill('SIGKILL')
    await killed.end
    await restartEngine(stack, 'SIGKILL')
    await isAsBefore(t, 'web-blue')
    t.match(await stateOf(stack), /^web-blue \S+ exited *$/m, 'never two at once')
    t.match((await run('rollback', 'web', '99')).out, /^undoing the swap of web /)
    t.equal(await stateOf(stack), before.replace(/^web-blue .*\n/m, ''))
    t.equal((await stack.inspect('web-green')).HostConfig.RestartPolicy.Name, 'unless-stopped')
  })

  t.test('a swap under way waits for it, and goes on', whenLong, async t => {
    const going = beginSwap()
    t.equal(await going.at('awaitHealthy'), 'awaitHealthy')
    await restartEngine(stack, 'SIGTERM')
    const { code, out, err } = await going.end
    t.equal(code, 0, err)
    t.match(
      out,
      /^the engine does not answer: waiting for it.*\nthe engine is back\n(?:.*\n)*web-blue: .* started again$/m
    )
    t.match(out, /^the edge restarted meanwhile/m)
    const after = await stateOf(stack)
    t.match(after, /^web-blue \S+ running healthy$/m)
    t.match(after, /^web-green \S+ exited *$/m)
    t.match(await ask(t, stack, 'h2', { path: '/' }), { status: 200, isComplete: true })
  })
})
