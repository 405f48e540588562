import t from 'tap'
import { readPending } from '../../../compose/record/pending.ts'
import { swap } from '../../../compose/swap.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { manner, World } from '../../doubles/swap-world.ts'

t.test('whose lock was broken takes no step more, not even to undo: all of it is for the other', async t => {
  for (const [last, step] of [
    ['start web-green', 'startCandidate'],
    ['drain blue', 'drainOld']
  ] as const) {
    const world = await World.make(t)
    const check = async (): Promise<void> => {
      if (world.calls.includes(last)) throw new EdgeError('COMPOSE_LOCKED', 'it was taken from us')
    }
    const parties = { ...world.parties(), lock: { check, release: async () => {} } }
    await t.rejects(swap(parties, 'web', 'app:2', manner), { code: 'COMPOSE_LOCKED' })
    t.equal(world.calls.at(-1), last)
    t.match(await readPending(parties.records), { step })
  }
})

t.test('whoever stays away is waited for a minute, and is told then', async t => {
  const world = await World.make(t)
  const parties = world.parties()
  const beganMs = parties.now().getTime()
  const gone = new EdgeError('EDGE_NOT_RUNNING', 'nobody answers')
  let asked = 0
  const tally = async (): Promise<void> => {
    asked++
    throw gone
  }
  const change = swap({ ...parties, edge: { ...parties.edge, tally } }, 'web', 'app:2', manner)
  await t.rejects(change, { code: 'EDGE_NOT_RUNNING' })
  t.equal(parties.now().getTime() - beganMs, 60_000)
  t.equal(asked, 301)
  t.same([world.active, world.state('web-green')], ['blue', 'none'], 'and the candidate is removed')
})

t.test('a container that is being made again is not asked for twice: half of it may have happened', async t => {
  const world = await World.make(t)
  const gone = new EdgeError('COMPOSE_ENGINE_UNREACHABLE', 'gone')
  world.fails = call => (/remake/.test(call) ? { before: gone } : {})
  const change = swap({ ...world.parties(), candidateEnv: { A: 'b' } }, 'web', 'app:2', manner)
  await t.rejects(change, { code: 'COMPOSE_ENGINE_UNREACHABLE' })
  t.equal(world.calls.filter(call => /remake/.test(call)).length, 1)
})
