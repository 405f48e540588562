import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { project } from '../doubles/command.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { type SmallStack, upSmallStack } from '../doubles/stack/small-stack.ts'

const skip = engineMissing

interface Killed {
  readonly step: string
  readonly exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null }
}

function pendingOf(stack: SmallStack): string {
  try {
    return JSON.parse(readFileSync(join(stack.folder, '.twinedge/stack', stack.project, 'pending.json'), 'utf8')).step
  } catch {
    return ''
  }
}

/** Starts a swap, and sends the signal as soon as it is at `step`. */
async function signalAt(stack: SmallStack, step: string, signal: NodeJS.Signals): Promise<Killed> {
  const start = [join(project, 'scripts/twinedge'), 'swap', 'web', stack.image('two'), '--project', stack.project]
  const child: ChildProcess = spawn('env', ['-u', 'NODE_OPTIONS', ...start], { stdio: 'ignore' })
  const exit = new Promise<Killed['exit']>(resolve => child.on('exit', (code, by) => resolve({ code, signal: by })))
  for (const end = Date.now() + 20_000; Date.now() < end && pendingOf(stack) !== step; ) await pause(1)
  child.kill(signal)
  return { exit: await exit, step: pendingOf(stack) }
}

const steps = [
  'createCandidate',
  'startCandidate',
  'awaitHealthy',
  'promote',
  'writeEnvironment',
  'drainOld',
  'stopOld'
]

t.test('kill -9 at any step: users keep what serves, the next command finishes it or undoes it', { skip }, async t => {
  const stack = await upSmallStack(t)
  const slots = async () => (await stack.containers()).filter(({ service }) => service.startsWith('web-'))
  for (const step of steps) {
    const from = `web-${stack.edge.active.get('web')}`
    // So that a drain takes as long as the test wants.
    if (step === 'drainOld') stack.edge.inFlight.set(from.replace('-', '/'), 1)
    const killed = await signalAt(stack, step, 'SIGKILL')
    t.equal(killed.exit.signal, 'SIGKILL')
    t.not(killed.step, '', `${step}: it was at ${killed.step}`)
    const active = `web-${stack.edge.active.get('web')}`
    const serves = async () => (await slots()).find(({ service }) => service === active)?.state
    t.equal(await serves(), 'running', `${step}: it serves`)
    t.equal((await stack.compose('up', '-d')).code, 0)
    t.equal(await serves(), 'running', `${step}: and up -d does not take it away`)
    stack.edge.inFlight.clear()
    // Refused in itself; but what was left is settled first.
    const next = await stack.twinedge('rollback', 'web', '99')
    t.match(next.err, /^COMPOSE_NO_RELEASE/m)
    t.match(next.out, active === from ? /^undoing the swap of web/m : /^finishing the swap of web/m)
    const left = await slots()
    const wanted = { [active]: 'running', ...(active === from ? {} : { [from]: 'exited' }) }
    t.same(Object.fromEntries(left.map(({ service, state }) => [service, state])), wanted, step)
    t.equal((await stack.compose('up', '-d')).code, 0)
    t.same(await slots(), left, `${step}: up -d agrees`)
    t.equal((await stack.twinedge('swap', 'web', stack.image('one'))).code, 0, `${step}: the next swap goes through`)
  }
})

t.test('Ctrl-C before the flip undoes what was begun; a dead terminal ends nothing', { skip }, async t => {
  const stack = await upSmallStack(t)
  const stopped = await signalAt(stack, 'awaitHealthy', 'SIGINT')
  t.same(stopped, { exit: { code: 1, signal: null }, step: '' })
  t.notOk((await stack.containers()).some(({ service }) => service === 'web-green'))
  const orphaned = await signalAt(stack, 'awaitHealthy', 'SIGHUP')
  t.same(orphaned, { exit: { code: 0, signal: null }, step: '' })
  t.equal(stack.edge.active.get('web'), 'green')
})

t.test('two commands at once: the second is told of the first', { skip }, async t => {
  const stack = await upSmallStack(t)
  const [one, two] = await Promise.all([1, 2].map(() => stack.twinedge('swap', 'web', stack.image('two'))))
  t.same([one!.code, two!.code].sort(), [0, 1])
  t.match(one!.err + two!.err, /^COMPOSE_LOCKED: \S+@\S+ \(process \d+\) has been at "swap web .*" since 20/)
})
