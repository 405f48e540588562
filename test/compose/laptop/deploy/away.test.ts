import t from 'tap'
import { complete, settleLeft, undo } from '../../../../compose/laptop/deploy/course.ts'
import { deploy, finish, rollBack, type Yard } from '../../../../compose/laptop/deploy/deploy.ts'
import { planDeploy } from '../../../../compose/laptop/deploy/plan.ts'
import type { ServerName } from '../../../../compose/laptop/plan/site.ts'
import { refuseAway, releasesIn } from '../../../../compose/laptop/site/away.ts'
import type { Held, World } from '../../../../compose/laptop/site/held.ts'
import type { Begun, DeployLine, Releases, Serving, SiteRecords } from '../../../../compose/server/deploy/records.ts'
import { EdgeError } from '../../../../proxy/errors.ts'
import { how, Servers, siteOf } from '../../../doubles/deploy-servers.ts'

const site = siteOf('frontend', 'backend')
const calm = new AbortController().signal

function begun(serving: Releases = { api: 4, web: 8 }): Begun {
  const plan = { site, deploys: [], serving, id: 'id', who: 'ann@desk', at: '', how }
  return planDeploy(plan, { api: 'api:new', web: 'web:new' })
}

/** With the orders that have been given to each server. */
function heldWith(servers: Servers, world: World, orders: Partial<Record<ServerName, string[]>>): Held {
  const held = servers.held(world)
  const records = new Map<ServerName, SiteRecords>()
  for (const [name, ids] of Object.entries(orders) as [ServerName, string[]][]) {
    records.set(name, { holder: null, lines: [], orders: ids.map(id => ({ id, state: 'done' })), shipped: [] })
  }
  return { ...held, sight: { ...held.sight, records } }
}

const ordered = (servers: Servers): string[] => servers.asked.filter(one => one.includes('order'))

t.test('a deploy that needs a server that is away says which, and what can be done without it', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const yard = servers.world(site, calm, 'frontend') as Yard
  const failure = {
    code: 'DEPLOY_SERVER_AWAY',
    detail: /^frontend: no route to host\nwithout it: twinedge deploy --backend-only$/
  }
  await t.rejects(deploy(yard, { parts: ['api', 'web'], how }), failure)
  await t.rejects(deploy(yard, { parts: ['web'], how }), {
    code: 'DEPLOY_SERVER_AWAY',
    detail: 'frontend: no route to host'
  })
  t.strictSame(servers.asked, [], 'nothing was begun')
  const refused = new Map([['frontend' as const, new EdgeError('SSH_KEY_REFUSED', 'publickey')]])
  t.throws(() => refuseAway({ away: refused }, ['frontend'], ''), { code: 'SSH_KEY_REFUSED' }, 'that can be mended')
  refuseAway({ away: refused }, ['backend'], '')
})

t.test('one half is changed without the other, which is not forgotten', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const world = servers.world(site, calm, 'frontend')
  const all = planDeploy(
    { site, deploys: [], serving: { api: 4, web: 8 }, id: 'id', who: '', at: '', how },
    { api: 'a' }
  )
  await complete(world, servers.held(world), all)
  t.strictSame(
    servers.asked.filter(one => !one.startsWith('now')),
    ['backend begun', 'backend order id-api', 'backend done', 'backend prune api 3']
  )
  t.match(servers.lines.at(-1), { serving: { api: 5, web: 8 } })
})

t.test('what is begun without a server has a number that nobody gives who reaches that one alone', async t => {
  const numbers = async (gone: ServerName, part: 'api' | 'web'): Promise<unknown> => {
    const servers = new Servers({ api: 4, web: 8 })
    const workshop = {
      check: async () => {},
      make: async () => ({ reference: 'new', from: 'here' }),
      ship: async () => null
    }
    const yard = { ...servers.world(site, calm, gone), workshop, env: {} } as unknown as Yard
    await deploy(yard, { parts: [part], how })
    const [line] = servers.lines
    return line?.event === 'begun' ? [line.number, line.turn] : null
  }
  t.strictSame(await numbers('frontend', 'api'), [2, 2])
  t.strictSame(await numbers('backend', 'web'), [3, 3])
})

t.test('what was not answered before either is not held against what can be deployed alone', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const said: string[] = []
  // Nobody listens on port 1.
  const world = servers.world({ ...site, domains: ['localhost'] }, calm, 'frontend')
  const api = planDeploy({ site, deploys: [], serving: {}, id: 'id', who: '', at: '', how }, { api: 'a' })
  await complete({ ...world, say: line => void said.push(line) }, servers.held(world), api)
  t.equal(servers.lines.at(-1)?.event, 'done')
  t.match(said, [/^localhost: DNS leads to frontend and backend; it is asked of backend$/, /^WARNING: .*, as before$/])
})

t.test('of a server that is away, what the last deploy has left there counts as what serves', async t => {
  const servers = new Servers({ api: 4 })
  const done = {
    event: 'done',
    id: 'old',
    claim: 'old',
    who: '',
    at: '',
    code: null,
    serving: { api: 4, web: 8 }
  } as const
  servers.lines.push({ ...begun(), id: 'old', turn: 1 }, done)
  const world = servers.world(site, calm, 'frontend')
  await t.rejects(
    rollBack(world, undefined, { parts: ['web', 'api'], how }),
    { code: 'DEPLOY_NO_RELEASE' },
    'not to web 1'
  )
})

t.test('of two deploys made at once, each without the other’s server, each knows its own part', async t => {
  const done = { event: 'done', claim: '', who: '', at: '', code: null } as const
  const half = (part: 'api' | 'web', turn: number, serving: Releases) => {
    const all = begun()
    const moves = all.moves.filter(move => move.part === part)
    return { ...all, id: part, turn, moves, end: { ...done, id: part, serving } }
  }
  const deploys = [half('web', 3, { api: 4, web: 9 }), half('api', 4, { api: 5, web: 8 })]
  const servers = new Servers({ api: 5 })
  const sight = { records: new Map(), serving: new Map(), releases: { api: 5 } }
  t.strictSame(releasesIn(servers.world(site, calm, 'frontend'), { deploys, sight }), { api: 5, web: 9 })
})

t.test('what only the backend knew, while others deployed to the frontend, is undone and not finished', async t => {
  const servers = new Servers({ api: 4, web: 9 })
  const web = { ...begun(), id: 'later', turn: 3, moves: begun().moves.filter(({ part }) => part === 'web') }
  const done: DeployLine = { event: 'done', id: 'later', claim: '', who: '', at: '', code: null, serving: { web: 9 } }
  servers.lines.push(begun(), web, done)
  const world = servers.world(site)
  await t.rejects(finish(world), { code: 'DEPLOY_UNFINISHED', detail: /undo it: twinedge rollback$/ })
  t.strictSame(ordered(servers), [], 'the older web app stays away')
  await rollBack(world, undefined, { parts: ['web', 'api'], how })
  t.match(servers.lines.at(-1), { event: 'undone', id: 'id' })
  t.equal(servers.release('web'), 9)
})

t.test('what was left unfinished is not finished without the server that it needs, but undone', async t => {
  const servers = new Servers({ api: 5, web: 8 })
  servers.lines.push(begun())
  const world = servers.world(site, calm, 'frontend')
  await t.rejects(finish(world), { code: 'DEPLOY_SERVER_AWAY', detail: /without it: twinedge rollback/ })
  const other = new Servers({ api: 4, web: 8 })
  const alone = other.world(site, calm, 'frontend')
  const said: string[] = []
  await undo({ ...alone, say: line => void said.push(line) }, heldWith(other, alone, { backend: ['id-api'] }), begun())
  t.strictSame(ordered(other), ['backend order id-api', 'backend order id-api-back'])
  t.match(other.lines.at(-1), { event: 'undone', left: ['web'] })
  t.match(said.at(-1), /^web is left out/)
})

t.test('before the API had served, the web app was not ordered: nothing is left out', async t => {
  const servers = new Servers({ api: 4, web: 8 })
  const world = servers.world(site, calm, 'frontend')
  await undo(world, heldWith(servers, world, { backend: [] }), begun())
  t.strictSame(ordered(servers), [])
  t.strictSame(
    servers.lines.map(line => line.event !== 'begun' && line.left),
    [[]]
  )
})

t.test('what was left out is taken back once its server is there, unless it serves no more', async t => {
  const end = {
    event: 'undone',
    id: 'id',
    claim: 'x',
    who: '',
    at: '',
    code: null,
    serving: { api: 4, web: 8 },
    left: ['web']
  } as const
  const settled = async (web: number, later: Begun[] = []): Promise<Servers> => {
    const servers = new Servers({ api: 4, web: 8 })
    const world = servers.world(site)
    const held = heldWith(servers, world, { frontend: ['id-web'] })
    const slot = { slot: 'blue', release: web, image: '', imageId: '' }
    const serving = new Map<ServerName, Serving>([
      ['frontend', { upstreams: { web: slot }, httpsPort: 1, localRoot: null }]
    ])
    const deploys = [{ ...begun(), end }, ...later.map(one => ({ ...one, end: null }))]
    await settleLeft(world, { ...held, deploys, sight: { ...held.sight, serving } })
    return servers
  }
  const servers = await settled(9)
  t.strictSame(ordered(servers), ['frontend order id-web', 'frontend order id-web-back'])
  t.equal(servers.release('web'), 8)
  t.notOk(
    ordered(await settled(10)).some(one => one.endsWith('-back')),
    'somebody has swapped it since'
  )
  t.strictSame(ordered(await settled(9, [begun()])), [], 'a later deploy has')
})
