import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { StackStatus } from '../../compose/status/stack-status.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { type SmallStack, upSmallStack } from '../doubles/stack/small-stack.ts'
import { begin, type Underway } from '../doubles/stack/underway.ts'

const skip = engineMissing
// Each has a stack of its own, and the engine takes two cores only when it is asked for several things at once.
t.jobs = 3

async function statusOf(stack: SmallStack): Promise<StackStatus> {
  const { code, out, err } = await stack.twinedge('status', '--json')
  if (code !== 0) throw new Error(err)
  return JSON.parse(out).stack as StackStatus
}

/** A swap that is at this step now. */
async function swapAt(stack: SmallStack, step: string): Promise<Underway> {
  const swap = begin(stack, 'swap', 'web', stack.image('two'))
  if ((await swap.at(step)) !== step) throw new Error(`it never was at ${step}`)
  return swap
}

t.test('status before, during and after a swap', { skip }, async t => {
  const stack = await upSmallStack(t)
  const before = await statusOf(stack)
  t.match(before, {
    folder: stack.folder,
    slots: [
      {
        service: 'web-blue',
        isActive: true,
        release: null,
        image: stack.image('one'),
        container: { state: 'running', health: 'healthy', memoryLimitBytes: 96 * 1_048_576 },
        edge: { health: 'up', inFlight: 0 }
      },
      { service: 'web-green', isActive: false, container: null, image: null }
    ],
    ...{ holds: [{ upstream: 'web', mode: 'open', waiting: 0 }], changing: null, last: [], disagreements: [] },
    memory: { copies: [{ upstream: 'web', fits: true }] }
  })
  const memory = before.slots[0]!.container!.memoryBytes!
  t.ok(memory > 1e6 && memory < 96 * 1_048_576, `${memory} bytes in use`)

  stack.edge.inFlight.set('web/blue', 2)
  const swap = await swapAt(stack, 'drainOld')
  const during = await statusOf(stack)
  t.match(during.changing, { state: 'in progress', step: 'drainOld', hasFlipped: true, next: null })
  t.match(during.changing, { what: `swap web ${stack.image('two')}`, pid: Number })
  t.match(during.slots[1], { isActive: true, release: 2, image: stack.image('two'), container: { state: 'running' } })
  t.same(during.disagreements, [], 'both slots run, as they should')
  const shown = (await stack.twinedge('status')).out
  t.match(shown, /^in progress: "swap web \S+-two:1" by \S+@\S+ \(process \d+\) for \d+ s; at drainOld, the flip has/m)
  t.match(shown, /^drain: web-blue: 2 in flight \(2 streams, 0 WebSockets\), 0 streams owned; cut in 1 min$/m)
  stack.edge.inFlight.clear()
  await swap.end

  const after = await statusOf(stack)
  t.match(after, {
    changing: null,
    disagreements: [],
    last: [{ verb: 'swap', outcome: 'done', release: 2, before: 1 }]
  })
  t.match(after.slots[0], { isActive: false, release: 1, image: stack.image('one'), container: { state: 'exited' } })
  await stack.twinedge('swap', 'web', stack.image('crash'))
  const { out } = await stack.twinedge('status')
  t.match(
    out,
    /^last change: swap web \S+-crash:1 \(release 2, not 3\): FAILED, COMPOSE_CANDIDATE_FAILED; \S+@\S+, \d+ s ago$/m
  )
  t.match(out, /^web-green +2 +…?\S*-two:1 +running +healthy +\d+ s ago +\d+ of 96 MB +0 +0$/m)
  const lines = [...out.split('\n'), ...(await stack.twinedge('history')).out.split('\n')]
  const tables = lines.filter(line => /^(?:SLOT|web-|\d+ s ago)/.test(line))
  t.ok(tables.length > 5)
  t.same(
    tables.filter(line => line.length > 120),
    [],
    'no table is wider than a terminal'
  )
})

t.test('a swap that was killed is told as unfinished, and slots settle ends it', { skip }, async t => {
  const stack = await upSmallStack(t)
  const { out: nothing } = await stack.twinedge('slots', 'settle')
  t.equal(nothing, 'nothing was left unfinished\n')
  for (const [step, hasFlipped, does, serves] of [
    ['awaitHealthy', false, 'undoes', 'web-blue'],
    ['drainOld', true, 'finishes', 'web-green']
  ] as const) {
    if (hasFlipped) stack.edge.inFlight.set('web/blue', 1)
    const swap = await swapAt(stack, step)
    swap.kill('SIGKILL')
    await swap.end
    const next = `twinedge slots settle ${does} it; so does the next swap or rollback`
    t.match((await statusOf(stack)).changing, { state: 'unfinished', pid: null, step, hasFlipped, next })
    t.match((await stack.twinedge('status')).out, `UNFINISHED: the swap of web to ${stack.image('two')}, begun by `)
    stack.edge.inFlight.clear()
    t.equal((await stack.twinedge('slots', 'settle')).code, 0)
    const after = await statusOf(stack)
    t.match(after, { changing: null, disagreements: [], last: [{ outcome: hasFlipped ? 'resumed' : 'undone' }] })
    t.match(
      after.slots.filter(one => one.container?.state === 'running').map(one => one.service),
      [serves]
    )
  }
})

t.test('a dead edge takes the containers from nobody, and is named', { skip }, async t => {
  const stack = await upSmallStack(t)
  t.equal((await stack.compose('kill', 'edge')).code, 0)
  const dead = ['status', '--socket', join(stack.folder, 'none.sock')] as const
  const { code, out, err } = await stack.twinedge(...dead)
  t.equal(code, 1)
  t.match(err, /^EDGE_NOT_RUNNING: nobody answers at /)
  t.match(out, /^web-blue +- +\S+-one:1 +running +healthy +\d+ s ago +\d+ of 96 MB +- +-$/m)
  t.match(
    out,
    /^WARNING: the container of the edge is exited, exit code 137\n {2}next: docker compose logs edge; docker/m
  )
  const json = JSON.parse((await stack.twinedge(...dead, '--json')).out)
  t.match(json, {
    failure: { code: 'EDGE_NOT_RUNNING', next: /^start it/ },
    stack: { slots: [{ isActive: null }, {}] }
  })
})

t.test('what was changed behind the back of the edge is named, and what is named mends it', { skip }, async t => {
  const stack = await upSmallStack(t)
  const set = async (name: string, value: string): Promise<void> => {
    const lines = (await readFile(stack.envFile, 'utf8')).split('\n').filter(line => !line.startsWith(`${name}=`))
    await writeFile(stack.envFile, [`${name}=${value}`, ...lines].join('\n'))
  }
  const disagreements = async () => (await statusOf(stack)).disagreements
  await set('COMPOSE_PROFILES', 'web-green')
  t.equal((await stack.compose('up', '-d', '--wait')).code, 0)
  t.match(await disagreements(), [
    { next: /^docker compose stop web-green; or, if it is to serve: twinedge swap web \S+$/ },
    { said: /^\.env starts web-green .* web-blue serves$/, next: 'set COMPOSE_PROFILES=web-blue in .env' }
  ])
  await set('COMPOSE_PROFILES', 'web-blue')
  t.match(await disagreements(), [{ said: 'web-green runs beside web-blue, which serves; nobody is changing web' }])
  t.equal((await stack.compose('stop', 'web-green')).code, 0, 'whatever its profile')
  t.same(await disagreements(), [])

  await set('WEB_BLUE_IMAGE', stack.image('three'))
  t.match(await disagreements(), [
    {
      next: `set WEB_BLUE_IMAGE=${stack.image('one')} in .env; then, for the other image: twinedge swap web ${stack.image('three')}`
    }
  ])
  await set('WEB_BLUE_IMAGE', stack.image('one'))

  await stack.twinedge('slots', 'pause', 'web', '--socket', join(stack.folder, 'run/control.sock'))
  t.match(await disagreements(), [{ said: /^web: requests wait at the edge/, next: 'twinedge slots resume web' }])
  await stack.twinedge('slots', 'resume', 'web')

  t.equal((await stack.compose('rm', '-fs', 'web-blue', 'web-green')).code, 0)
  t.match(await disagreements(), [{ next: 'docker compose up -d web-blue' }])
  await set('COMPOSE_PROFILES', 'web-green')
  t.equal((await stack.compose('up', '-d', '--wait')).code, 0)
  const [dead, ...more] = await disagreements()
  t.same(more, [])
  const [, image = ''] = /^twinedge swap web (\S+); /.exec(dead!.next) ?? []
  t.equal(image, stack.image('one'), dead!.next)
  const { code, err } = await stack.twinedge('swap', 'web', image)
  t.equal(code, 0, err)
  t.match(await statusOf(stack), {
    disagreements: [],
    slots: [{}, { isActive: true, container: { health: 'healthy' } }]
  })
})
