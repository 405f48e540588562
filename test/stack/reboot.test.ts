import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { command, project } from '../doubles/command.ts'
import { ask, protocols } from '../doubles/foreign-client.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

const LONGEST_MS = 60_000

async function enginePid(): Promise<number> {
  return Number(await readFile('/var/run/docker.pid', 'utf8'))
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
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
  const all = await Promise.all(['edge', 'web-blue', 'api-blue'].map(service => stack.inspect(service)))
  return all.map(({ State }) => State.Pid)
}

t.test('an engine that was down has everything as it was, with no command typed', { skip: await skip() }, async t => {
  t.teardown(startEngine)
  const stack = await upStack(t, 'single', { COMPOSE_PROFILES: 'web-blue,api-blue,web-green' })
  await stack.compose('stop', 'web-green')
  const before = await stateOf(stack)
  t.match(before, /^edge \S+ running healthy$/m)
  const looked = (await stack.inspect('preflight')).State.StartedAt

  for (const [what, signal] of [
    ['a reboot', 'SIGTERM'],
    ['a power cut', 'SIGKILL']
  ] as const) {
    t.test(`after ${what}`, async t => {
      const pid = await enginePid()
      const containers = signal === 'SIGKILL' ? await pidsOf(stack) : []
      process.kill(pid, signal)
      await waitUntil(async () => !isThere(pid), 'the engine is gone')
      // The engine alone, killed, would leave the containers running: without power nothing runs. After it, or it
      // would start them again with its last breath.
      for (const container of containers) process.kill(container, signal)
      await waitUntil(async () => !containers.some(isThere), 'the containers are gone')
      await startEngine()
      let state = ''
      await waitUntil(async () => {
        state = await stateOf(stack)
        return state === before
      }, before).catch(() => t.equal(state, before))
      t.match(before, /^web-green \S+ exited *$/m, 'what was stopped by hand stays so')
      t.equal((await stack.inspect('preflight')).State.StartedAt, looked, '.env is not looked at again')
      await waitUntil(async () => (await ask(t, stack, 'h1').catch(() => null))?.status === 200, 'the page')
      for (const protocol of protocols) {
        t.equal((await ask(t, stack, protocol, { path: '/api/v1/health' })).body, '{"status":"ok"}')
        t.match(await ask(t, stack, protocol, { path: '/' }), { status: 200, isComplete: true })
      }
    })
  }
})
