// A swap that dies, at the steps that decide; at each of them with WAN=long.
import t, { type Test } from 'tap'
import { engineMissing } from '../doubles/stack/engine.ts'
import { type SmallStack, upSmallStack } from '../doubles/stack/small-stack.ts'
import { begin, pendingStep } from '../doubles/stack/underway.ts'

const skip = engineMissing
const whenLong = { skip: skip || (process.env.WAN === 'long' ? false : 'takes long: WAN=long') }
// Each has a stack of its own, and the engine takes two cores only when it is asked for several things at once.
t.jobs = 2
t.setTimeout(180_000)

/** Swaps to the other image, again and again, and kills each of them at another step. */
async function killAtEach(t: Test, stack: SmallStack, steps: readonly string[], ...how: string[]): Promise<void> {
  const slots = async () => (await stack.containers()).filter(({ service }) => service.startsWith('web-'))
  const images = [stack.image('two'), stack.image('one')]
  for (const step of steps) {
    const from = `web-${stack.edge.active.get('web')}`
    // So that a drain takes as long as the test wants.
    if (step === 'drainOld') stack.edge.inFlight.set(from.replace('-', '/'), 1)
    const swap = begin(stack, 'swap', 'web', images[0]!, ...how)
    await swap.at(step)
    swap.kill('SIGKILL')
    t.equal((await swap.end).signal, 'SIGKILL')
    const left = await pendingStep(stack)
    t.not(left, '', `${step}: it was at ${left}`)
    t.match(
      (await stack.twinedge('history')).out,
      new RegExp(`^UNFINISHED: .* left at ${left}, .*\\n {2}next: twinedge slots settle `, 'm')
    )
    const active = `web-${stack.edge.active.get('web')}`
    const serves = async () => (await slots()).find(({ service }) => service === active)?.state
    if (how.length === 0) t.equal(await serves(), 'running', `${step}: it serves`)
    t.equal((await stack.compose('up', '-d')).code, 0)
    t.equal(await serves(), 'running', `${step}: and up -d does not take it away`)
    stack.edge.inFlight.clear()
    // Refused in itself; but what was left is settled first.
    const next = await stack.twinedge('rollback', 'web', '99')
    t.match(next.err, /^COMPOSE_NO_RELEASE/m)
    t.match(next.out, active === from ? /^undoing the swap of web/m : /^finishing the swap of web/m)
    const wanted = { [active]: 'running', ...(active === from ? {} : { [from]: 'exited' }) }
    const after = await slots()
    t.same(Object.fromEntries(after.map(({ service, state }) => [service, state])), wanted, step)
    t.equal(stack.edge.holds.get('web') ?? 'open', 'open', `${step}: nobody waits`)
    t.equal((await stack.compose('up', '-d')).code, 0)
    t.same(await slots(), after, `${step}: up -d agrees`)
    if (active !== from) images.reverse()
  }
  t.equal((await stack.twinedge('swap', 'web', images[0]!)).code, 0, 'the next swap goes through')
}

const title = 'users keep what serves, the next command finishes it or undoes it'
// The last one before the flip, the flip, before the .env has it, and while users of the old one end.
const decisive = ['awaitHealthy', 'promote', 'writeEnvironment', 'drainOld']
t.test(`kill -9 at ${decisive.join(', ')}: ${title}`, { skip }, async t => {
  await killAtEach(t, await upSmallStack(t), decisive)
})

t.test(`kill -9 at any other step: ${title}`, whenLong, async t => {
  await killAtEach(t, await upSmallStack(t), ['createCandidate', 'startCandidate', 'stopOld'])
})

t.test(`kill -9 while requests wait, and nothing runs: ${title}`, { skip }, async t => {
  await killAtEach(t, await upSmallStack(t), ['awaitHealthyHeld'], '--hold')
})

t.test(`kill -9 at another step while requests wait: ${title}`, whenLong, async t => {
  // The others are those of above, or change nothing that outlives them.
  await killAtEach(t, await upSmallStack(t), ['holdRequests', 'suspendOld', 'openRequests'], '--hold')
})

t.test('Ctrl-C before the flip undoes what was begun; a dead terminal ends nothing', { skip }, async t => {
  const stack = await upSmallStack(t)
  const end = async (signal: NodeJS.Signals) => {
    const swap = begin(stack, 'swap', 'web', stack.image('two'))
    await swap.at('awaitHealthy')
    swap.kill(signal)
    return [(await swap.end).code, await pendingStep(stack)]
  }
  t.same(await end('SIGINT'), [1, ''])
  t.notOk((await stack.containers()).some(({ service }) => service === 'web-green'))
  t.same(await end('SIGHUP'), [0, ''])
  t.equal(stack.edge.active.get('web'), 'green')
})

t.test('two commands at once: the second is told of the first, and may take its place by name', { skip }, async t => {
  const stack = await upSmallStack(t)
  stack.edge.inFlight.set('web/blue', 1)
  const first = begin(stack, 'swap', 'web', stack.image('two'))
  await first.at('drainOld')
  const second = ['swap', 'web', stack.image('three')]
  const { code, err } = await stack.twinedge(...second)
  t.equal(code, 1)
  const [, who = ''] = /^COMPOSE_LOCKED: (\S+@\S+) \(process \d+\) has been at "swap web .*" since 20/.exec(err) ?? []
  t.match(err, /^next: .*--break-lock WHO/m)
  t.match((await stack.twinedge('history')).out, /^in progress: "swap web .* at drainOld, the flip has happened$/m)
  const taker = begin(stack, ...second, '--break-lock', who)
  await taker.says('finishing the swap')
  // Both see it: the one goes on to a step that is not its own any more, the other finishes what it has found.
  stack.edge.inFlight.clear()
  const taken = await taker.end
  t.equal(taken.code, 0, taken.err)
  t.match(taken.out, /^finishing the swap of web to \S+-two:1 /)
  t.match((await first.end).err, new RegExp(`^COMPOSE_LOCKED: it was taken from us: ${who} `))
  t.equal(stack.edge.active.get('web'), 'blue')
  const [blue, green] = (await stack.containers()).filter(({ service }) => service.startsWith('web-'))
  t.match(
    [blue, green],
    [
      { state: 'running', image: /release-3$/ },
      { state: 'exited', image: /release-2$/ }
    ]
  )
  t.equal((await stack.twinedge('history')).out.match(/ {2}swap web /g)?.length, 2, 'each is told of once')
})
