import t from 'tap'
import { readJournal } from '../../compose/record/journal.ts'
import { readPending } from '../../compose/record/pending.ts'
import { rollback } from '../../compose/rollback.ts'
import { settlePending } from '../../compose/session.ts'
import { swap } from '../../compose/swap.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { manner, World } from '../doubles/swap-world.ts'

const held = { ...manner, isHeld: true }

t.test('a swap touches what serves only after the flip, and keeps it', async t => {
  const world = await World.make(t)
  const entry = await swap(world.parties(), 'web', 'app:2', { ...manner, handOver: 'take-over' })
  t.same(world.calls, [
    'tag localhost/p/web:release-1', // what served so far, to go back to
    'tag localhost/p/web:release-2',
    'create web-green',
    'start web-green',
    'keep sha256:1 /app/.next/static', // for tabs that are open
    'keep sha256:2 /app/.next/static',
    'tally',
    'promote green',
    'drain blue',
    'stop web-blue',
    'exec web-green take-over'
  ])
  t.match(entry, { release: 2, before: 1, slot: 'green', outcome: 'done', report: { requests: 9, cut: 0 } })
  t.same([world.state('web-blue'), world.state('web-green')], ['exited', 'running'])
  t.equal(
    await world.env(),
    '# ours\nWEB_IMAGE=app:1\nCOMPOSE_PROFILES=web-green\nWEB_GREEN_IMAGE=localhost/p/web:release-2\n'
  )
})

t.test(
  'a candidate has an environment of its own before it starts, and no longer once the old one has stopped',
  async t => {
    const world = await World.make(t)
    const parties = { ...world.parties(), candidateEnv: { A: 'b' } }
    await swap(parties, 'web', 'app:2', { ...manner, handOver: 'take-over' })
    t.same(world.calls.slice(2), [
      'create web-green',
      'remake web-green',
      "write web-green /run/twinedge-slot/environment export A='b'\n",
      'start web-green',
      'keep sha256:1 /app/.next/static',
      'keep sha256:2 /app/.next/static',
      'tally',
      'promote green',
      'drain blue',
      'stop web-blue',
      'write web-green /run/twinedge-slot/environment ',
      'exec web-green take-over'
    ])
  }
)

t.test('a project whose name may not be in the name of an image is swapped all the same', async t => {
  const world = await World.make(t)
  const parties = world.parties()
  for (const [project, folder] of [
    ['a_b--c', 'a_b--c'],
    ['p_', 'x-705f'],
    ['a-_b', 'x-612d5f62']
  ] as const) {
    const { tag } = await swap({ ...parties, stack: { ...parties.stack, project } }, 'web', 'app:2', manner)
    t.match(tag, `localhost/${folder}/web:release-`)
  }
})

t.test("a hand-over that does not end is told, and stands in nobody's way", async t => {
  const world = await World.make(t)
  const parties = world.parties()
  const engine = { ...parties.engine, exec: async () => ({ code: null, said: 'begun' }) }
  await swap({ ...parties, engine }, 'web', 'app:2', { ...manner, handOver: 'sleep 3600' })
  t.ok(world.said.includes('hand-over FAILED, it has not ended within 60 s: begun'))
  t.equal(await readPending(parties.records), null)
})

t.test('with --hold, requests wait from before the one stops until the other serves', async t => {
  const world = await World.make(t)
  await swap(world.parties(), 'web', 'app:2', held)
  t.same(world.calls.slice(2), [
    'create web-green',
    'keep sha256:1 /app/.next/static',
    'keep sha256:2 /app/.next/static',
    'tally',
    'hold paused',
    'drain blue',
    'stop web-blue',
    'start web-green',
    'promote green',
    'hold open'
  ])
})

t.test('a rollback makes the release anew, with the settings of today; a second one goes forward again', async t => {
  const world = await World.make(t)
  await swap(world.parties(), 'web', 'app:2', manner)
  world.calls.length = 0
  // What it was called then may mean another image by now.
  world.images.set('app:1', 'sha256:3')
  t.match(await rollback(world.parties(), 'web', undefined, manner), { release: 1, before: 2, slot: 'blue' })
  t.same(world.calls, [
    'remove web-blue',
    'tag localhost/p/web:release-1',
    'create web-blue',
    'start web-blue',
    'keep sha256:2 /app/.next/static',
    'keep sha256:1 /app/.next/static',
    'tally',
    'promote blue',
    'drain green',
    'stop web-green'
  ])
  t.equal(world.containers.get('web-blue')!.imageId, 'sha256:1')
  t.match(await world.env(), 'WEB_BLUE_IMAGE=localhost/p/web:release-1\n')
  t.match(await rollback(world.parties(), 'web', undefined, manner), { release: 2, before: 1, slot: 'green' })
})

for (const [what, break_] of Object.entries({
  'ends at once': (world: World) => world.ends.add('sha256:2'),
  'is refused by the edge': (world: World) => world.refused.add('sha256:2')
})) {
  t.test(`a candidate that ${what} is removed, with all that is known of it told`, async t => {
    const world = await World.make(t)
    break_(world)
    await t.rejects(swap(world.parties(), 'web', 'app:2', manner), {
      code: 'COMPOSE_CANDIDATE_FAILED',
      detail: /^web-green \(app:2\): (?:.|\n)*its last lines:\n {2}its last words$/
    })
    t.same([world.active, world.state('web-blue'), world.state('web-green')], ['blue', 'running', 'none'])
    t.notOk(
      world.calls.some(call => /blue/.test(call)),
      'what serves was not touched'
    )
    t.equal(await world.env(), '# ours\nWEB_IMAGE=app:1\n')
    t.match((await readJournal(world.parties().records)).at(-1), {
      outcome: 'failed',
      code: 'COMPOSE_CANDIDATE_FAILED'
    })
    t.notOk(world.images.has('localhost/p/web:release-2'))
  })
}

t.test('a hold that fails starts the old slot again and lets requests go', async t => {
  const world = await World.make(t)
  world.ends.add('sha256:2')
  await t.rejects(swap(world.parties(), 'web', 'app:2', held), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.same(
    [world.active, world.hold, world.state('web-blue'), world.state('web-green')],
    ['blue', 'open', 'running', 'none']
  )
})

t.test('an answer lost after the flip does not undo it', async t => {
  const world = await World.make(t)
  world.fails = call => (call === 'promote green' ? { after: new EdgeError('EDGE_INTERNAL', 'lost') } : {})
  t.match(await swap(world.parties(), 'web', 'app:2', manner), { outcome: 'done' })
  t.same([world.active, world.state('web-green'), world.state('web-blue')], ['green', 'running', 'exited'])
})

t.test('an edge that restarts, at the flip or in a drain, is waited for', async t => {
  const world = await World.make(t)
  let times = 0
  world.fails = call =>
    /promote|drain/.test(call) && times++ % 4 < 3 ? { before: new EdgeError('EDGE_NOT_RUNNING', '') } : {}
  t.match(await swap(world.parties(), 'web', 'app:2', manner), { outcome: 'done' })
})

t.test('an engine that restarts is waited for, and so are those who clear up', async t => {
  const world = await World.make(t)
  let times = 0
  world.fails = call =>
    /start|remove|stop/.test(call) && times++ % 4 < 3 ? { before: new EdgeError('COMPOSE_ENGINE_UNREACHABLE', '') } : {}
  const said: string[] = []
  const parties = { ...world.parties(), say: (line: string) => void said.push(line) }
  t.match(await swap(parties, 'web', 'app:2', manner), { outcome: 'done' })
  t.match(said.join('\n'), /the engine does not answer: waiting for it, 60 s at most\nthe engine is back\n/)
  world.ends.add('sha256:2')
  await t.rejects(swap(parties, 'web', 'app:2', manner), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.equal(world.state('web-blue'), 'none')
})

t.test('a hand-over that may have run is not run again', async t => {
  const world = await World.make(t)
  world.fails = call => (/exec/.test(call) ? { after: new EdgeError('COMPOSE_ENGINE_UNREACHABLE', '') } : {})
  await t.rejects(swap(world.parties(), 'web', 'app:2', { ...manner, handOver: 'go' }), { code: 'COMPOSE_UNFINISHED' })
  t.equal(world.calls.filter(call => /exec/.test(call)).length, 1)
})

t.test('with --hold, a reboot before the flip brings the old slot back, one after it does not', async t => {
  const world = await World.make(t)
  const policies: string[] = []
  world.fails = call => {
    if (/start|promote|hold open/.test(call)) policies.push(`${call}: ${world.containers.get('web-blue')?.restart}`)
    return {}
  }
  await swap(world.parties(), 'web', 'app:2', held)
  t.same(policies, ['start web-green: always', 'promote green: always', 'hold open: always'])
  t.equal(world.containers.get('web-blue')!.restart, 'unless-stopped')
  world.refused.add('sha256:1')
  await t.rejects(swap(world.parties(), 'web', 'app:1', held), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.match(world.containers.get('web-green'), { restart: 'unless-stopped', state: 'running' })
})

t.test('an edge that has restarted is told again that requests are to wait', async t => {
  const world = await World.make(t)
  world.health = 'starting'
  world.fails = call => {
    if (call === 'start web-green') world.restartEdge()
    if (call === 'hold paused' && world.calls.includes('start web-green')) world.health = 'healthy'
    return {}
  }
  await swap(world.parties(), 'web', 'app:2', held)
  t.same(world.calls.slice(-5), ['stop web-blue', 'start web-green', 'hold paused', 'promote green', 'hold open'])
})

t.test('a pause that is over by itself is begun again until the old slot is back', async t => {
  const world = await World.make(t)
  world.fails = call => {
    if (call === 'stop web-blue') world.patience = 0
    return {}
  }
  t.equal(await world.run(swap(world.parties(), 'web', 'app:2', held)), 'killed')
  world.patience = Number.POSITIVE_INFINITY
  world.hold = 'open'
  await settlePending(world.parties())
  t.same(world.calls.slice(-3), ['hold paused', 'start web-blue', 'hold open'])
})

t.test('whose lock was broken writes nothing down any more', async t => {
  const world = await World.make(t)
  const parties = world.parties()
  let isBroken = false
  const check = async (): Promise<void> => {
    if (isBroken) throw new EdgeError('COMPOSE_LOCKED', 'it was taken from us')
  }
  world.fails = call => {
    isBroken ||= /exec/.test(call)
    return {}
  }
  const lock = { check, release: async () => {} }
  const mine = swap({ ...parties, lock }, 'web', 'app:2', { ...manner, handOver: 'take-over' })
  await t.rejects(mine, { code: 'COMPOSE_LOCKED' })
  t.match(await readPending(parties.records), { step: 'handOver' }, 'it is for the other to settle')
})

t.test('a release whose image has gone is none to go back to', async t => {
  const world = await World.make(t)
  for (const image of ['app:2', 'app:1', 'app:2']) await swap(world.parties(), 'web', image, { ...manner, keep: 2 })
  await t.rejects(rollback(world.parties(), 'web', 1, manner), {
    code: 'COMPOSE_NO_RELEASE',
    detail: 'web: no release 1; kept besides: 3'
  })
})

t.test('too little memory is told with figures before anything is started; a hold needs no more', async t => {
  const world = await World.make(t)
  const poor = { ...world.parties(), meminfo: async () => 'MemAvailable:      90000 kB\n' }
  await t.rejects(swap(poor, 'web', 'app:2', manner), { code: 'COMPOSE_MEMORY_SHORT', detail: /143 MB.*95 MB.*88 MB/ })
  t.notOk(world.calls.some(call => /start|blue/.test(call)))
  t.same([world.state('web-blue'), world.state('web-green')], ['running', 'none'])
  t.match(await swap(poor, 'web', 'app:2', held), { outcome: 'done' })
})

t.test('Ctrl-C before the flip undoes what was begun', async t => {
  const world = await World.make(t)
  const controller = new AbortController()
  world.fails = call => {
    if (call === 'start web-green') controller.abort(new EdgeError('COMPOSE_INTERRUPTED', 'SIGINT'))
    return {}
  }
  await t.rejects(swap(world.parties(controller.signal), 'web', 'app:2', manner), { code: 'COMPOSE_INTERRUPTED' })
  t.same([world.state('web-blue'), world.state('web-green')], ['running', 'none'])
})

for (const how of [manner, held]) {
  t.test(
    `killed at any call of a ${how.isHeld ? 'held' : 'plain'} swap, the next command finishes or undoes it`,
    async t => {
      for (let calls = 0; ; calls++) {
        const world = await World.make(t)
        world.patience = calls
        const end = await world.run(swap(world.parties(), 'web', 'app:2', how))
        world.patience = Number.POSITIVE_INFINITY
        const parties = world.parties()
        await settlePending(parties)
        const [on, off] = world.active === 'green' ? ['web-green', 'web-blue'] : ['web-blue', 'web-green']
        t.equal(world.state(on), 'running', `${calls}: what the edge has active runs`)
        t.not(world.state(off), 'running', `${calls}: and nothing else`)
        t.equal(world.hold, 'open', `${calls}: nobody waits`)
        t.equal(/^COMPOSE_PROFILES=web-green$/m.test(await world.env()), on === 'web-green', `${calls}: .env agrees`)
        t.equal(await readPending(parties.records), null)
        await rollbackOrSwap(world, on)
        if (end === 'done') break
      }
    }
  )
}

/** Whatever was left, the next change goes through. */
async function rollbackOrSwap(world: World, on: string): Promise<void> {
  if (on === 'web-green') await rollback(world.parties(), 'web', undefined, manner)
  else await swap(world.parties(), 'web', 'app:2', manner)
  t.equal(world.state(on === 'web-green' ? 'web-blue' : 'web-green'), 'running')
}
