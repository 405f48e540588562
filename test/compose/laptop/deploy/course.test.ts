import t from 'tap'
import { complete, undo } from '../../../../compose/laptop/deploy/course.ts'
import { planDeploy } from '../../../../compose/laptop/deploy/plan.ts'
import type { Begun } from '../../../../compose/server/deploy/records.ts'
import { EdgeError } from '../../../../proxy/errors.ts'
import { failing, how, Servers, siteOf } from '../../../doubles/deploy-servers.ts'

const site = siteOf('frontend', 'backend')

function begun(): Begun {
  const plan = { site, deploys: [], serving: { api: 4, web: 8 }, id: 'id', who: 'ann@desk', at: '', how }
  return planDeploy(plan, { api: 'api:new', web: 'web:new' })
}

t.test('both journals first, then the API, then the web app, then both journals', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const world = servers.world(site)
  const { entries } = await complete(world, servers.held(world), begun())
  t.strictSame(servers.asked, [
    'backend begun',
    'frontend begun',
    'now swapping api on backend',
    'backend order id-api',
    'now swapping web on frontend',
    'frontend order id-web',
    'now verifying',
    'backend done',
    'frontend done',
    'backend prune api 3',
    'frontend prune web 3'
  ])
  t.strictSame(
    entries.map(({ release }) => release),
    [5, 9]
  )
  t.match(servers.lines.at(-1), { event: 'done', serving: { api: 5, web: 9 } })
})

t.test('a web app that is no good takes the API back with it', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-web'] = failing('COMPOSE_CANDIDATE_FAILED')
  const world = servers.world(site)
  const failure = { code: 'COMPOSE_CANDIDATE_FAILED', detail: 'frontend: as told' }
  await t.rejects(complete(world, servers.held(world), begun()), failure)
  t.strictSame(servers.asked.slice(-4), [
    'now taking back api on backend',
    'backend order id-api-back',
    'backend failed',
    'frontend failed'
  ])
  t.equal(servers.release('api'), 4)
  t.match(servers.lines.at(-1), { code: 'COMPOSE_CANDIDATE_FAILED', serving: { api: 4, web: 8 } })
  t.notOk(
    servers.asked.some(one => one.includes('prune')),
    'what it goes back to is still there'
  )
})

t.test('a first part that does not serve as it should stays: nobody says that it is undone', async t => {
  const servers = new Servers({ web: 8 })
  servers.ends['id-web'] = failing('COMPOSE_CANDIDATE_FAILED')
  const said: string[] = []
  const world = { ...servers.world(site), say: (line: string) => void said.push(line) }
  await t.rejects(complete(world, servers.held(world), begun()), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.match(said, [/^deploy \d+ failed: COMPOSE_CANDIDATE_FAILED$/, 'backend: nothing served before this api: it stays'])
})

t.test('old images that stay are no reason to undo anything', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.pruneFailure = new EdgeError('COMPOSE_LOCKED', 'ann@desk has been at "restart api"')
  const said: string[] = []
  const world = { ...servers.world(site), say: (line: string) => void said.push(line) }
  await complete(world, servers.held(world), begun())
  t.equal(servers.lines.at(-1)?.event, 'done')
  t.match(said.at(-1), /^frontend: old images stay: .*restart api/)
})

t.test('an API that is no good leaves the web app alone', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-api'] = failing('COMPOSE_MEMORY_SHORT')
  const world = servers.world(site)
  await t.rejects(complete(world, servers.held(world), begun()), { code: 'COMPOSE_MEMORY_SHORT' })
  t.notOk(servers.asked.some(one => /id-web|-back$/.test(one)))
})

t.test('what does not serve in the end as it should is undone, the last part first', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const world = servers.world({ ...site, domains: ['localhost'] })
  // Nobody listens on port 1.
  await t.rejects(complete(world, servers.held(world), begun()), { code: 'DEPLOY_NOT_VERIFIED' })
  const given = servers.asked.filter(one => one.includes('order'))
  t.strictSame(given, [
    'backend order id-api',
    'frontend order id-web',
    'frontend order id-web-back',
    'backend order id-api-back'
  ])
})

t.test('an undoing that fails is said to be unfinished, and no end is written', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-web'] = failing('COMPOSE_CANDIDATE_FAILED')
  servers.ends['id-api-back'] = failing('COMPOSE_ENGINE_UNREACHABLE')
  const world = servers.world(site)
  const failure = { code: 'DEPLOY_UNFINISHED', detail: /COMPOSE_CANDIDATE_FAILED(.|\n)*COMPOSE_ENGINE_UNREACHABLE/ }
  await t.rejects(complete(world, servers.held(world), begun()), failure)
  t.strictSame(
    servers.lines.map(({ event }) => event),
    ['begun', 'begun']
  )
})

t.test('what can never be taken back stays, is told, and ends the deploy all the same', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-web'] = failing('COMPOSE_CANDIDATE_FAILED')
  servers.ends['id-api-back'] = failing('COMPOSE_NO_RELEASE')
  servers.ends['id-api-back-2'] = failing('COMPOSE_NO_RELEASE')
  const said: string[] = []
  const world = { ...servers.world(site), say: (line: string) => void said.push(line) }
  await t.rejects(complete(world, servers.held(world), begun()), { code: 'DEPLOY_UNFINISHED' })
  const held = servers.held(world)
  const orders = [{ id: 'id-api', state: 'done' as const }]
  const records = new Map([['backend' as const, { holder: null, lines: [], orders, shipped: [] }]])
  await undo(world, { ...held, sight: { ...held.sight, records } }, begun())
  t.match(said.at(-1), /^WARNING: backend: api cannot be taken back, and stays: /)
  t.match(servers.lines.at(-1), { event: 'undone', serving: { api: 5, web: 8 } })
})

t.test('a server that stays away is no reason to undo what may yet come', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-web'] = failing('SSH_UNREACHABLE')
  const world = servers.world(site)
  await t.rejects(complete(world, servers.held(world), begun()), { code: 'DEPLOY_UNFINISHED' })
  t.notOk(servers.asked.some(one => one.endsWith('-back')))
})

t.test('where nothing served before, a first deploy that fails is over, and the next one is let in', async t => {
  const servers = new Servers({})
  servers.ends['id-web'] = failing('COMPOSE_CANDIDATE_FAILED')
  const world = servers.world(site)
  const plan = { site, deploys: [], serving: {}, id: 'id', who: 'ann@desk', at: '', how }
  const first = planDeploy(plan, { api: 'api:new', web: 'web:new' })
  await t.rejects(complete(world, servers.held(world), first), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.notOk(
    servers.asked.some(one => one.endsWith('-back')),
    'there is nothing to bring back'
  )
  t.match(servers.lines.at(-1), { event: 'failed' })
})

t.test('a taking back that failed once is tried again under another name', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-web'] = failing('COMPOSE_CANDIDATE_FAILED')
  servers.ends['id-api-back'] = failing('COMPOSE_ENGINE_UNREACHABLE')
  const world = servers.world(site)
  await t.rejects(complete(world, servers.held(world), begun()), { code: 'DEPLOY_UNFINISHED' })
  const again = servers.world(site)
  await t.rejects(complete(again, servers.held(again), begun()), { code: 'COMPOSE_CANDIDATE_FAILED' })
  t.ok(servers.asked.includes('backend order id-api-back-2'))
  t.equal(servers.release('api'), 4)
})

t.test('while the end of an order is not heard, nothing is undone', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.silences['id-web'] = new EdgeError('SERVER_TOOL_OTHER', 'its twinedge ended with code 137')
  const world = servers.world(site)
  const unknown = { code: 'DEPLOY_UNFINISHED', detail: /frontend: what became of web is not known(.|\n)*137/ }
  await t.rejects(complete(world, servers.held(world), begun()), unknown)
  t.notOk(servers.asked.some(one => one.endsWith('-back') || one.endsWith(' failed')))
})

t.test('what cannot be settled yet is unfinished, not undone', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-web'] = { lost: true }
  servers.ends['id-web-settled'] = failing('EDGE_NOT_RUNNING')
  const world = servers.world(site)
  await t.rejects(complete(world, servers.held(world), begun()), { code: 'DEPLOY_UNFINISHED' })
  t.notOk(servers.asked.some(one => one.endsWith('-back') || one.endsWith(' failed')))
})

t.test('what a process that was killed has left is settled, and counts if it serves', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-api'] = { lost: true }
  const world = servers.world(site)
  const { entries } = await complete(world, servers.held(world), begun())
  t.ok(servers.asked.includes('backend order id-api-settled'))
  t.strictSame(
    entries.map(({ release }) => release),
    [5, 9]
  )
})

t.test('Ctrl-C undoes what has been swapped, and says that it was Ctrl-C', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const stop = new AbortController()
  const world = servers.world(site, stop.signal)
  const held = servers.held(world)
  const at = async (step: string): Promise<void> => {
    if (step.includes('web')) stop.abort(new EdgeError('DEPLOY_INTERRUPTED', 'stopped by SIGINT'))
    await held.at(step)
  }
  servers.ends['id-web'] = failing('COMPOSE_INTERRUPTED')
  await t.rejects(complete(world, { ...held, at }, begun()), { code: 'DEPLOY_INTERRUPTED' })
  const stopped = servers.asked.filter(one => one.includes('stop'))
  t.strictSame(stopped, ['frontend stop id-web'], 'but not what undoes it')
  t.equal(servers.release('api'), 4)
})

t.test('undoing takes back what was ordered, and orders nothing else', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const world = servers.world(site)
  const held = servers.held(world)
  const orders = [{ id: 'id-api', state: 'running' as const }]
  const records = new Map([['backend' as const, { holder: null, lines: [], orders, shipped: [] }]])
  const done = await undo(world, { ...held, sight: { ...held.sight, records } }, begun())
  t.strictSame(
    servers.asked.filter(one => one.includes('order')),
    ['backend order id-api', 'backend order id-api-back']
  )
  t.ok(done.isUndone)
  t.equal(servers.release('api'), 4)
  t.equal(servers.lines.at(-1)?.event, 'undone')
})
