import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Parties } from '../../../compose/change/change.ts'
import { readJournal } from '../../../compose/record/journal.ts'
import { readPending } from '../../../compose/record/pending.ts'
import { settlePending } from '../../../compose/session.ts'
import { swap } from '../../../compose/swap.ts'
import type { UpstreamStatus } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { manner, World } from '../../doubles/swap-world.ts'

const held = { ...manner, isHeld: true }
const refusal = new EdgeError('COMPOSE_REFUSED', 'no')

/** An edge that tells something else of blue once that drains: one look after the other, the last one for ever. */
function draining(world: World, looks: readonly Partial<UpstreamStatus>[]): Parties {
  const parties = world.parties()
  let look = 0
  const status: Parties['edge']['status'] = async () => {
    const seen = await world.edge().status()
    if (world.drained !== 'blue') return seen
    const other = looks[Math.min(look++, looks.length - 1)]
    return { ...seen, upstreams: seen.upstreams.map(one => (one.slot === 'blue' ? { ...one, ...other } : one)) }
  }
  return { ...parties, edge: { ...world.edge(), status } }
}

function drain(isDone: boolean): NonNullable<UpstreamStatus['drain']> {
  const carried = { requests: 3, streams: 2, webSockets: 0 }
  return { beganAt: '', cutAt: 'then', carried, cut: 1, isDone }
}

t.test('the old slot is stopped once nothing is in flight to it, and not before', async t => {
  const world = await World.make(t)
  const left = { drain: drain(false), inFlight: 2, streams: 1 }
  const looks = [left, left, { drain: drain(true), inFlight: 1 }, { drain: drain(true), inFlight: 0 }]
  const paused: string[] = []
  const parties = draining(world, looks)
  const pause = (ms: number): Promise<void> => {
    if (world.drained === 'blue') paused.push(world.state('web-blue'))
    return parties.pause(ms)
  }
  await swap({ ...parties, pause }, 'web', 'app:2', { ...manner, drainMs: 60_000 })
  t.same(paused, ['running', 'running', 'running'])
  t.match(world.said.join('\n'), /^web-blue: 2 in flight, 1 of them streams; cut at then$/m)
  t.equal(world.state('web-blue'), 'exited')
})

t.test('one that the edge forgets to cut is waited for no longer than its time', async t => {
  const world = await World.make(t)
  const parties = draining(world, [{ drain: drain(false), inFlight: 1 }])
  t.match(await swap(parties, 'web', 'app:2', manner), { outcome: 'done', tookMs: 11_000 })
})

t.test('one of which the edge knows no drain any more, since it restarted, is not waited for', async t => {
  const world = await World.make(t)
  const parties = draining(world, [{ drain: null, inFlight: 0 }])
  t.match(await swap(parties, 'web', 'app:2', { ...manner, drainMs: 600_000 }), { tookMs: 0 })
})

t.test('.env says what serves before the drain, which may be long; with a hold, after requests go on', async t => {
  for (const [how, call, isTold] of [
    [manner, 'drain blue', true],
    [held, 'hold open', false],
    [held, 'promote green', false]
  ] as const) {
    const world = await World.make(t)
    const seen: boolean[] = []
    world.fails = made => {
      if (made === call) seen.push(/web-green/.test(readFileSync(join(world.folder, '.env'), 'utf8')))
      return {}
    }
    await swap(world.parties(), 'web', 'app:2', how)
    t.same(seen, [isTold], call)
  }
})

t.test('what the edge counted is told only of the whole of a change that served', async t => {
  const world = await World.make(t)
  world.fails = call => {
    if (call === 'promote green') world.restartEdge()
    return {}
  }
  t.equal((await swap(world.parties(), 'web', 'app:2', manner)).report, null)
  const other = await World.make(t)
  other.ends.add('sha256:2')
  await t.rejects(swap(other.parties(), 'web', 'app:2', manner), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.equal((await readJournal(other.parties().records)).at(-1)!.report, null)
})

t.test('a hand-over that fails, or that there is nobody left for, is told and not undone', async t => {
  for (const call of ['exec web-green go', 'stop web-blue']) {
    const world = await World.make(t)
    world.fails = made => {
      if (made !== call) return {}
      if (/stop/.test(call)) world.containers.delete('web-green')
      return /exec/.test(call) ? { before: refusal } : {}
    }
    t.match(await swap(world.parties(), 'web', 'app:2', { ...manner, handOver: 'go' }), { outcome: 'done' })
    t.match(world.said.join('\n'), /^hand-over FAILED, exit code 126: /m)
  }
})

t.test('images that cannot be pruned are told: the swap is done', async t => {
  const world = await World.make(t)
  world.fails = call => (/untag/.test(call) ? { before: refusal } : {})
  t.match(await swap(world.parties(), 'web', 'app:2', { ...manner, keep: 1 }), { outcome: 'done' })
  t.match(world.said.at(-1), /^old images stay: .*no$/)
  t.equal(await readPending(world.parties().records), null)
})

t.test('Ctrl-C just before the flip is heeded', async t => {
  const world = await World.make(t)
  const controller = new AbortController()
  world.fails = call => {
    if (/^keep sha256:2/.test(call)) controller.abort(new EdgeError('COMPOSE_INTERRUPTED', 'SIGINT'))
    return {}
  }
  await t.rejects(swap(world.parties(controller.signal), 'web', 'app:2', manner), { code: 'COMPOSE_INTERRUPTED' })
  t.same([world.active, world.state('web-green')], ['blue', 'none'])
})

t.test('what cannot be undone is told with why it was to be, and waits for the next command', async t => {
  const world = await World.make(t)
  world.ends.add('sha256:2')
  world.fails = call => (call === 'remove web-green' ? { before: refusal } : {})
  const { records } = world.parties()
  await t.rejects(swap(world.parties(), 'web', 'app:2', manner), {
    code: 'COMPOSE_UNFINISHED',
    detail: /^COMPOSE_CANDIDATE_FAILED: web-green(.|\n)*\nCOMPOSE_REFUSED: no$/
  })
  t.match(await readPending(records), { step: 'removeCandidate' })
  t.equal(statSync(join(records, 'pending.json')).mode & 0o777, 0o600, 'a hand-over may have a secret in it')
  world.fails = () => ({})
  await settlePending(world.parties())
  t.match((await readJournal(records)).at(-1), { outcome: 'undone', code: null })
})

t.test('what a later command finishes is written down as that', async t => {
  const world = await World.make(t)
  world.fails = call => (call === 'stop web-blue' ? { before: refusal } : {})
  await t.rejects(swap(world.parties(), 'web', 'app:2', manner), { code: 'COMPOSE_UNFINISHED' })
  world.fails = () => ({})
  await settlePending(world.parties())
  t.equal(world.calls.filter(call => call === 'drain blue').length, 1, 'what has drained does not drain again')
  t.match((await readJournal(world.parties().records)).at(-1), { outcome: 'resumed', release: 2, before: 1 })
})
