import t from 'tap'
import type { Parties } from '../../../compose/change/change.ts'
import { swap } from '../../../compose/swap.ts'
import type { UpstreamStatus } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { manner, World } from '../../doubles/swap-world.ts'

const held = { ...manner, isHeld: true, drainMs: 30_000 }

/** An edge with something to wait for in a slot until somebody has looked that often; @returns when each call came */
function busy(
  world: World,
  slot: string,
  load: Partial<UpstreamStatus>,
  looks: number
): Parties & { readonly log: string[] } {
  const parties = world.parties()
  const log: string[] = []
  const beganMs = parties.now().getTime()
  let seen = 0
  const status: Parties['edge']['status'] = async () => {
    const answer = await world.edge().status()
    if (seen++ >= looks) return answer
    return { ...answer, upstreams: answer.upstreams.map(one => (one.slot === slot ? { ...one, ...load } : one)) }
  }
  world.fails = call => {
    log.push(`${parties.now().getTime() - beganMs} ${call}`)
    return {}
  }
  return { ...parties, edge: { ...world.edge(), status }, log }
}

t.test('streams of the old slot have their time before requests have to wait', async t => {
  // Two looks are of the plan and of the candidate.
  const parties = busy(await World.make(t), 'blue', { streams: 1 }, 6)
  await swap(parties, 'web', 'app:2', held)
  t.ok(parties.log.includes('1000 hold paused'), parties.log.join('\n'))
  const endless = busy(await World.make(t), 'blue', { streams: 1 }, Number.POSITIVE_INFINITY)
  await swap(endless, 'web', 'app:2', held)
  t.ok(endless.log.includes('30000 hold paused'), endless.log.join('\n'))
})

t.test('WebSockets are waited for only once they were told to go', async t => {
  const parties = busy(await World.make(t), 'blue', { webSockets: 1, inFlight: 1 }, 6)
  await swap(parties, 'web', 'app:2', held)
  t.same(
    parties.log.filter(line => /hold paused|drain|stop/.test(line)),
    ['0 hold paused', '0 drain blue', '750 stop web-blue']
  )
})

t.test('what streams from the idle slot is not waited for', async t => {
  const parties = busy(await World.make(t), 'green', { streams: 1, inFlight: 1 }, Number.POSITIVE_INFINITY)
  await swap(parties, 'web', 'app:2', held)
  t.ok(parties.log.includes('0 stop web-blue'), parties.log.join('\n'))
})

t.test('what was asked before requests had to wait has ten seconds to end', async t => {
  const parties = busy(await World.make(t), 'blue', { inFlight: 1 }, Number.POSITIVE_INFINITY)
  await swap(parties, 'web', 'app:2', held)
  t.same(
    parties.log.filter(line => /hold paused|stop/.test(line)),
    ['0 hold paused', '10000 stop web-blue']
  )
})

t.test('Ctrl-C ends the wait for streams, before anybody has to wait', async t => {
  const world = await World.make(t)
  const controller = new AbortController()
  const parties = busy(world, 'blue', { streams: 1 }, Number.POSITIVE_INFINITY)
  const pause = (ms: number): Promise<void> => {
    controller.abort(new EdgeError('COMPOSE_INTERRUPTED', 'SIGINT'))
    return parties.pause(ms)
  }
  const change = swap({ ...parties, pause, signal: controller.signal }, 'web', 'app:2', held)
  await t.rejects(change, { code: 'COMPOSE_INTERRUPTED' })
  t.notOk(world.calls.some(call => /hold|stop/.test(call)))
})

t.test('requests go on only once the old slot answers again, or has had its time', async t => {
  for (const [healthyAfter, openAt] of [
    [2, 500],
    [Number.POSITIVE_INFINITY, 5_000]
  ] as const) {
    const world = await World.make(t)
    world.ends.add('sha256:2')
    const parties = busy(world, 'blue', {}, 0)
    let looks = 0
    const find: Parties['engine']['find'] = async (project, service) => {
      const found = await world.engine().find(project, service)
      const isBack = service === 'web-blue' && world.calls.includes('start web-blue')
      return isBack && found !== null && looks++ < healthyAfter ? { ...found, health: 'starting' } : found
    }
    const change = swap({ ...parties, engine: { ...parties.engine, find } }, 'web', 'app:2', held)
    await t.rejects(change, { code: 'COMPOSE_CANDIDATE_FAILED' })
    t.equal(parties.log.at(-1), `${openAt} hold open`)
  }
})

t.test('a hold is over once nobody waits any more', async t => {
  const world = await World.make(t)
  let looks = 0
  const status: Parties['edge']['status'] = async () => {
    const seen = await world.edge().status()
    const waiting = world.calls.includes('hold open') && looks++ < 3 ? 1 : 0
    return { ...seen, upstreams: seen.upstreams.map(one => ({ ...one, hold: { mode: 'open', waiting } })) }
  }
  const entry = await swap({ ...world.parties(), edge: { ...world.edge(), status } }, 'web', 'app:2', held)
  t.equal(entry.tookMs, 750)
})
