import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Parties } from '../../compose/change/change.ts'
import { readJournal } from '../../compose/record/journal.ts'
import { settlePending } from '../../compose/session.ts'
import { swap } from '../../compose/swap.ts'
import type { HoldRequest } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { manner, World } from '../doubles/swap-world.ts'

const held = { ...manner, isHeld: true }
const long = { ...manner, drainMs: 600_000 }

/** The idle slot runs, and something streams from it for as long as anybody looks. */
function streaming(world: World, parties: Parties): Parties {
  world.containers.set('web-green', { ...world.containers.get('web-blue')!, id: 'web-green', service: 'web-green' })
  const status: Parties['edge']['status'] = async () => {
    const seen = await world.edge().status()
    return { ...seen, upstreams: seen.upstreams.map(one => ({ ...one, inFlight: one.slot === 'green' ? 1 : 0 })) }
  }
  return { ...parties, edge: { ...world.edge(), status } }
}

t.test('Ctrl-C while the idle slot drains leaves it, and what streams from it', async t => {
  const world = await World.make(t)
  const controller = new AbortController()
  const parties = streaming(world, world.parties(controller.signal))
  const pause = async (ms: number): Promise<void> => {
    controller.abort(new EdgeError('COMPOSE_INTERRUPTED', 'SIGINT'))
    await parties.pause(ms)
  }
  await t.rejects(swap({ ...parties, pause }, 'web', 'app:2', long), { code: 'COMPOSE_INTERRUPTED' })
  t.same(world.calls, ['tag localhost/p/web:release-1', 'drain green'])
  t.same([world.state('web-blue'), world.state('web-green')], ['running', 'running'])
  t.match((await readJournal(parties.records)).at(-1), { outcome: 'failed', code: 'COMPOSE_INTERRUPTED', release: 2 })
})

t.test('killed while the idle slot drains, the next command leaves it, too', async t => {
  const world = await World.make(t)
  const parties = streaming(world, world.parties())
  const { promise: frozen, resolve: freeze } = Promise.withResolvers<void>()
  const pause = (): Promise<void> => {
    freeze()
    return new Promise(() => {})
  }
  void swap({ ...parties, pause }, 'web', 'app:2', long)
  await frozen
  await settlePending(parties)
  t.same([world.state('web-blue'), world.state('web-green')], ['running', 'running'])
  t.match((await readJournal(parties.records)).at(-1), { outcome: 'undone', release: 2 })
})

t.test('a hold that fails before it began neither starts nor opens what is not its own', async t => {
  const world = await World.make(t)
  world.hold = 'maintenance'
  const refused = new EdgeError('COMPOSE_REFUSED', 'docker compose:\nno')
  world.fails = call => (call === 'create web-green' ? { before: refused } : {})
  await t.rejects(swap(world.parties(), 'web', 'app:2', held), { code: 'COMPOSE_REFUSED' })
  t.equal(world.hold, 'maintenance')
  t.notOk(world.calls.some(call => /start|hold/.test(call)))
})

t.test('an undoing that was broken off is done whole by the next command', async t => {
  const world = await World.make(t)
  world.ends.add('sha256:2')
  world.fails = call => {
    if (call === 'remove web-green') world.patience = 0
    return {}
  }
  t.equal(await world.run(swap(world.parties(), 'web', 'app:2', held)), 'killed')
  world.patience = Number.POSITIVE_INFINITY
  await settlePending(world.parties())
  t.same([world.hold, world.state('web-blue'), world.state('web-green')], ['open', 'running', 'none'])
})

t.test('requests wait for all of a hold: quiet, a stop as the compose files allow it, a start, probes', async t => {
  const world = await World.make(t)
  const asked: HoldRequest[] = []
  const edge = world.edge()
  const hold: typeof edge.hold = request => {
    asked.push(request)
    return edge.hold(request)
  }
  await swap({ ...world.parties(), edge: { ...edge, hold } }, 'web', 'app:2', held)
  t.ok(asked[0]!.longestMs >= 10_000 + 40_000 + held.withinMs + 30_000, `${asked[0]!.longestMs}`)
  t.match(asked.at(-1), { mode: 'open', spreadMs: 2_000 })
})

for (const text of ['', '{"change":', 'null', '7', '{"step":"promote"}', '{"change":{"upstream":"web"},"step":"x"}']) {
  t.test(`what was left unfinished as ${JSON.stringify(text)} holds nothing up`, async t => {
    const world = await World.make(t)
    const parties = world.parties()
    await mkdir(parties.records)
    await writeFile(join(parties.records, 'pending.json'), text)
    await settlePending(parties)
    t.match(world.said, [/^what was left unfinished cannot be read \(.*pending\.json\.broken-.*twinedge status/])
    t.match(await readdir(parties.records), [/^pending\.json\.broken-/])
    t.match(await swap(parties, 'web', 'app:2', manner), { outcome: 'done' })
  })
}
