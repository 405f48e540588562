import { mock } from 'node:test'
import t from 'tap'
import { writeDeploy } from '../../../../compose/server/deploy/journal.ts'
import type { Claim } from '../../../../compose/server/deploy/records.ts'
import { readHolder, refuseSiteHeld, SiteLock } from '../../../../compose/server/deploy/site-lock.ts'

const now = (): Date => new Date()

function claimOf(id: string, step = 'begins'): Claim {
  return { id, who: `${id}@desk`, host: 'desk', pid: 7, verb: 'deploy --full', step }
}

t.test('whoever comes second is told who has it, since when, and at what step', async t => {
  const site = t.testdir()
  const [first, second] = [new SiteLock(site, now), new SiteLock(site, now)]
  await first.hold(claimOf('ann'), null)
  await first.hold(claimOf('ann', 'swapping api on backend'), null)
  const { since } = (await readHolder(site, now))!
  const told = `ann@desk has been at "deploy --full" since ${since}; now: swapping api on backend`
  await t.rejects(second.hold(claimOf('bob'), null), { code: 'DEPLOY_LOCKED', detail: told })
  await second.free('ann')
  await t.rejects(second.hold(claimOf('bob'), null), { code: 'DEPLOY_LOCKED' }, 'nobody frees what is not his')
  await first.free('ann')
  await second.hold(claimOf('bob'), null)
  t.match(await readHolder(site, now), { id: 'bob' })
  await second.free('bob')
})

t.test('a laptop that comes back by another agent has its own site again', async t => {
  const site = t.testdir()
  const [cut, back] = [new SiteLock(site, now), new SiteLock(site, now)]
  await cut.hold(claimOf('ann'), null)
  await back.hold(claimOf('ann'), null)
  await cut.free('ann')
  t.match(await readHolder(site, now), { id: 'ann' }, 'the agent that is left over frees nothing')
  await back.free('ann')
})

t.test('of a laptop that is known to be dead the site is taken at once', async t => {
  const site = t.testdir()
  const [dead, next] = [new SiteLock(site, now), new SiteLock(site, now)]
  await dead.hold(claimOf('ann'), null)
  await t.rejects(next.hold(claimOf('bob'), 'somebody-else'), { code: 'DEPLOY_LOCKED' })
  await next.hold(claimOf('bob'), 'ann')
  t.match(await readHolder(site, now), { id: 'bob' })
  await next.free('bob')
})

t.test('without a word from its laptop a site is free after 45 s', async t => {
  const site = t.testdir()
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const lock = new SiteLock(site, now)
  await lock.hold(claimOf('ann'), null)
  mock.timers.tick(40_000)
  await lock.hold(claimOf('ann'), null)
  mock.timers.tick(44_000)
  await lock.free('nobody') // in turn: what was to be freed has been by then
  t.match(await readHolder(site, now), { id: 'ann' })
  mock.timers.tick(2_000)
  await lock.free('nobody')
  t.equal(await readHolder(site, now), null)
})

t.test('what somebody else has ended, nobody goes on with', async t => {
  const site = t.testdir()
  const lock = new SiteLock(site, now)
  const at = '2026-11-23T00:00:00.000Z'
  await writeDeploy(site, { event: 'undone', id: 'ann', claim: 'bob', who: 'bob@desk', at, code: null, serving: {} })
  const detail = `this deploy was ended (undone) by bob@desk at ${at}`
  await t.rejects(lock.hold(claimOf('ann'), null), { code: 'DEPLOY_LOCKED', detail })
  t.equal(await readHolder(site, now), null)
  await writeDeploy(site, { event: 'done', id: 'eve', claim: 'eve', who: 'eve@desk', at, code: null, serving: {} })
  await lock.hold(claimOf('eve'), null) // which has lost the answer to its own last line
  await lock.free('eve')
})

t.test('a command on the server itself is refused while a laptop has the site, unless it breaks in', async t => {
  const folder = t.testdir({ site: {} })
  await refuseSiteHeld(folder, now, undefined)
  const lock = new SiteLock(`${folder}/site`, now)
  await lock.hold(claimOf('ann', 'verifying'), null)
  const told = /^ann@desk has been at "deploy --full" since .*; now: verifying$/
  await t.rejects(refuseSiteHeld(folder, now, 'bob@desk'), { code: 'DEPLOY_LOCKED', detail: told })
  await refuseSiteHeld(folder, now, 'ann@desk')
  await lock.free('ann')
  await refuseSiteHeld(folder, now, undefined)
})
