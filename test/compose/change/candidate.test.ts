import t from 'tap'
import { verdictOf } from '../../../compose/change/candidate.ts'
import type { Parties } from '../../../compose/change/change.ts'
import type { Container } from '../../../compose/container/container.ts'
import type { Environment } from '../../../compose/stack/command.ts'
import { swap } from '../../../compose/swap.ts'
import { manner, World } from '../../doubles/swap-world.ts'
import { container } from '../status/findings.ts'

/** With what the engine was asked to remove, and which restart policies it was given. */
function watched(world: World): Parties & { readonly asked: string[] } {
  const asked: string[] = []
  const parties = world.parties()
  const { remove, setRestart } = parties.engine
  const engine: Parties['engine'] = {
    ...parties.engine,
    remove: (id, volumes) => {
      asked.push(`${id} ${volumes}`)
      return remove(id, volumes)
    },
    setRestart: (id, policy) => {
      asked.push(`${id} ${policy}`)
      return setRestart(id, policy)
    }
  }
  return { ...parties, engine, asked }
}

function put(world: World, service: string, differences: Partial<Container>): void {
  world.containers.set(service, { ...container(service, 'app:1'), imageId: 'sha256:1', ...differences })
}

t.test('what the idle slot holds ends before it goes, and its volumes without a name stay', async t => {
  const world = await World.make(t)
  put(world, 'web-green', {})
  const parties = watched(world)
  await swap(parties, 'web', 'app:2', manner)
  t.same(world.calls.slice(1, 5), [
    'drain green',
    'stop web-green',
    'remove web-green',
    'tag localhost/p/web:release-2'
  ])
  t.equal(parties.asked[0], 'web-green /run/twinedge-slot')
})

t.test('a candidate that is no good takes its own volumes with it', async t => {
  const world = await World.make(t)
  world.ends.add('sha256:2')
  const parties = watched(world)
  await t.rejects(swap(parties, 'web', 'app:2', manner), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.same(parties.asked, ['web-green no', 'web-green all'])
})

t.test(
  'a candidate comes back after a reboot once it is good, not before; what it has replaced stays down',
  async t => {
    const parties = watched(await World.make(t))
    await swap(parties, 'web', 'app:2', manner)
    t.same(parties.asked, ['web-green no', 'web-green unless-stopped', 'web-blue unless-stopped'])
  }
)

t.test('Compose makes it as .env is going to have it', async t => {
  const world = await World.make(t)
  const parties = world.parties()
  const given: Environment[] = []
  const create: Parties['docker']['create'] = (service, variables) => {
    given.push(variables)
    return parties.docker.create(service, variables)
  }
  await swap({ ...parties, docker: { ...parties.docker, create } }, 'web', 'app:2', manner)
  t.same(given, [{ COMPOSE_PROFILES: 'web-green', WEB_GREEN_IMAGE: 'localhost/p/web:release-2' }])
})

t.test('an image without a shell can have no variable of its own, which is told before it starts', async t => {
  const world = await World.make(t)
  const parties = world.parties()
  const engine = { ...parties.engine, hasFile: async () => false }
  await t.rejects(swap({ ...parties, engine, candidateEnv: { A: 'hidden' } }, 'web', 'app:2', manner), {
    code: 'COMPOSE_CANDIDATE_FAILED',
    detail: 'web-green: its image has no /bin/sh, which --candidate-env needs'
  })
  t.notOk(world.calls.some(call => /remake|start/.test(call)))
})

t.test(
  'one that says that it is unhealthy is given up at once, one that says nothing when its time is over',
  async t => {
    for (const [health, why] of [
      ['unhealthy', 'it says that it is unhealthy'],
      ['starting', 'not healthy within 5 s']
    ] as const) {
      const world = await World.make(t)
      world.health = health
      await t.rejects(swap(world.parties(), 'web', 'app:2', manner), {
        code: 'COMPOSE_CANDIDATE_FAILED',
        detail: new RegExp(`^web-green \\(app:2\\): ${why}\\nit runs still\\nthe edge's probe: 500 oops\\n`)
      })
      t.notOk(world.calls.includes('promote green'))
    }
  }
)

t.test(
  'one that has ended with the engine is started again; with a hold, when they would be two, it is not',
  async t => {
    for (const isHeld of [false, true]) {
      const world = await World.make(t)
      let starts = 0
      world.fails = call => {
        if (call !== 'start web-green') return {}
        if (starts++ > 0) world.ends.clear()
        else world.ends.add('sha256:2')
        // Later than the candidate was started.
        put(world, 'web-blue', { startedAt: '2026-11-02T00:00:00Z' })
        return {}
      }
      const change = swap(world.parties(), 'web', 'app:2', { ...manner, isHeld })
      if (isHeld) await t.rejects(change, { code: 'COMPOSE_CANDIDATE_FAILED' })
      else t.match(await change, { outcome: 'done' })
      t.equal(starts, isHeld ? 1 : 2)
    }
  }
)

t.test('a candidate is good by its own health check; without one, once it has run for two seconds', t => {
  const startedAt = '2026-11-01T00:00:00Z'
  for (const [state, health, afterMs, verdict] of [
    ['running', 'healthy', 0, 'good'],
    ['running', 'none', 2_000, 'wait'],
    ['running', 'none', 2_001, 'good'],
    ['running', 'starting', 60_000, 'wait'],
    ['running', 'unhealthy', 60_000, 'it says that it is unhealthy'],
    ['created', 'none', 60_000, 'wait'],
    ['paused', 'healthy', 60_000, 'wait'],
    ['restarting', 'starting', 0, 'it has ended'],
    ['exited', 'healthy', 60_000, 'it has ended'],
    ['dead', 'none', 0, 'it has ended']
  ] as const) {
    const one = container('web-green', 'app:2', { state, health, startedAt })
    t.equal(verdictOf(one, new Date(Date.parse(startedAt) + afterMs)), verdict, `${state}, ${health}, ${afterMs}`)
  }
  t.end()
})
