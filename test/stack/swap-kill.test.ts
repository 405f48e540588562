import t from 'tap'
import { engineMissing } from '../doubles/stack/engine.ts'
import { upSmallStack } from '../doubles/stack/small-stack.ts'
import { swapUntil } from '../doubles/stack/stopped-swap.ts'

const skip = engineMissing

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
    const killed = await swapUntil(stack, step, 'SIGKILL', 'two')
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
  const stopped = await swapUntil(stack, 'awaitHealthy', 'SIGINT', 'two')
  t.same(stopped, { exit: { code: 1, signal: null }, step: '' })
  t.notOk((await stack.containers()).some(({ service }) => service === 'web-green'))
  const orphaned = await swapUntil(stack, 'awaitHealthy', 'SIGHUP', 'two')
  t.same(orphaned, { exit: { code: 0, signal: null }, step: '' })
  t.equal(stack.edge.active.get('web'), 'green')
})

t.test('two commands at once: the second is told of the first', { skip }, async t => {
  const stack = await upSmallStack(t)
  const [one, two] = await Promise.all([1, 2].map(() => stack.twinedge('swap', 'web', stack.image('two'))))
  t.same([one!.code, two!.code].sort(), [0, 1])
  t.match(one!.err + two!.err, /^COMPOSE_LOCKED: \S+@\S+ \(process \d+\) has been at "swap web .*" since 20/)
})
