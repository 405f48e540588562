import t from 'tap'
import { complete } from '../../../../compose/laptop/deploy/course.ts'
import { planDeploy } from '../../../../compose/laptop/deploy/plan.ts'
import { lookAtSite } from '../../../../compose/laptop/site/sight.ts'
import { levelStandby } from '../../../../compose/laptop/standby/pages.ts'
import type { Begun } from '../../../../compose/server/deploy/records.ts'
import { failing, how, Servers, siteOf } from '../../../doubles/deploy-servers.ts'

const site = siteOf('frontend', 'backend')

function begun(): Begun {
  const plan = { site, deploys: [], serving: { api: 4, web: 8 }, id: 'id', who: 'ann@desk', at: '', how }
  return planDeploy(plan, { api: 'api:new', web: 'web:new' })
}

const ready = {
  ...site,
  servers: site.servers.map(one => (one.name === 'backend' ? { ...one, standby: true as const } : one))
}

t.test('a standby gets the pages that were deployed, and those that were brought back', async t => {
  const ordered = async (domains: string[], image: string): Promise<string[]> => {
    const servers = new Servers({ api: 4, web: 8 })
    servers.standby.image = image
    const world = servers.world({ ...ready, domains })
    await complete(world, servers.held(world), begun()).catch(() => {})
    return servers.asked.filter(one => one.includes('order'))
  }
  const there = ['backend order id-api', 'frontend order id-web', 'backend order id-web-standby']
  t.strictSame(await ordered([], 'web:old'), there)
  // Nobody listens on port 1: it is undone.
  const back = ['frontend order id-web-back', 'backend order id-web-back-standby', 'backend order id-api-back']
  t.strictSame(await ordered(['localhost'], 'web:old'), [...there, ...back])
  t.strictSame(await ordered([], 'web:9'), there.slice(0, 2), 'it has them already')
})

t.test('a standby that cannot follow is told of, and undoes nothing', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-web-standby'] = failing('COMPOSE_MEMORY_SHORT')
  const said: string[] = []
  const world = { ...servers.world(ready), say: (line: string) => said.push(line) }
  const { entries } = await complete(world, servers.held(world), begun())
  t.equal(entries.length, 2)
  t.match(said.join('\n'), /WARNING: backend could not take over now.*\nnext: .*twinedge deploy --frontend-only/)
  t.match(servers.lines.at(-1), { event: 'done', serving: { api: 5, web: 9 } })
})

t.test('a standby that stays away leaves the deploy unfinished: it may yet follow', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  servers.ends['id-web-standby'] = failing('SSH_UNREACHABLE')
  const world = servers.world(ready)
  await t.rejects(complete(world, servers.held(world), begun()), { code: 'DEPLOY_UNFINISHED' })
})

t.test('a standby counts for the API alone, and its old pages go as well', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const world = servers.world(ready)
  const backendAlone = world.lines.filter(({ server }) => server.standby)
  t.same((await lookAtSite(backendAlone, 'shop')).releases, { api: 4 }, 'with the frontend away, too')
  await complete(world, servers.held(world), begun())
  t.ok(servers.asked.some(one => /^backend prune api,web /.test(one)))
})

t.test('a standby that is away keeps its pages, and that is told', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const world = servers.world(ready)
  const said: string[] = []
  const levelling = { site: ready, lines: world.lines.filter(({ server }) => !server.standby) }
  const after = { part: 'web', server: 'frontend', order: 'x', to: { image: 'web:new' } } as const
  const never = () => Promise.reject(new Error('an order was given'))
  await levelStandby({ ...levelling, say: line => said.push(line), carryOut: never }, after)
  t.match(said, [/WARNING: backend is away.*twinedge deploy --frontend-only/])
})
