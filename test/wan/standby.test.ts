// Whether either server could take the whole site over, is said beforehand; then one is dead, and the other one does.
// What needs an app to start again, or a second report, runs with WAN=long only.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { whyNoWan } from '../doubles/wan/missing.ts'
import { startApp } from '../doubles/wan/programs/apps.ts'
import { Chat, Workbook } from '../doubles/wan/site/conversation.ts'
import { isReady, type Role, siteName } from '../doubles/wan/site/server.ts'
import { local, type Site, startSite, yamlOf } from '../doubles/wan/site/site.ts'

const whenLong = { skip: process.env.WAN === 'long' ? false : 'takes long: WAN=long' }
const missing = whyNoWan()
const wanted = {
  apps: { frontend: ['web'], backend: ['api', 'web'] },
  upstreams: { backend: `  ${local.api}\n  ${local.web}` }
} as const

t.test('a standby', { skip: missing !== '' && missing, timeout: 240_000 }, async t => {
  const site = await startSite(t, wanted)
  const { frontend, backend, ground, visitor, apps } = site
  await backend.verdict(({ isGo }) => isGo, '--self')

  t.test('that lacks nothing is GO; of one that lives by the other it is said', async t => {
    t.match(await frontend.verdict(({ isGo }) => isGo, '--alone'), { server: 'backend', reasons: [], borrowed: [] })
    const { code, out } = await frontend.twinedge('standby', '--alone')
    t.match([code, out], [0, /^GO +backend/])
    await backend.verdict(({ isGo }) => isGo)
    const alone = await backend.verdict(({ isGo }) => !isGo, '--alone')
    t.match(alone.reasons, [{ what: /^api comes from this server/ }], 'the frontend has no API of its own')
  })

  t.test('whose pages come from the other one is NO-GO for when that is dead', whenLong, async t => {
    await apps.get('backend web')!.kill()
    const { reasons } = await frontend.verdict(({ isGo }) => !isGo, '--alone')
    t.match(reasons, [{ what: /^web .*backend is down/, next: /twinedge status/ }])
    const page = await visitor.ask('request', { target: backend.target(), path: '/login' })
    t.equal(page.status, 200, 'while it is there, it serves them for both')
    await startApp(ground.backend, 'web', { host: '127.0.0.1' })
    await frontend.verdict(({ isGo }) => isGo, '--alone')
  })

  for (const [what, change, told] of [
    ['another limit', (yaml: string) => yaml.replace('idle: 300s', 'idle: 200s'), /^routes\[\/api\/\]: ".*300s.*200s/],
    ['another domain', (yaml: string) => yaml.replace(`[${siteName}]`, `[${siteName}, shop.test]`), /^domains: /]
  ] as const) {
    t.test(`with ${what} is NO-GO, until it is put right`, whenLong, async t => {
      await reconfigure(site, 'backend', change)
      const { reasons } = await frontend.verdict(({ isGo }) => !isGo)
      t.ok(
        reasons.some(reason => told.test(reason.what) && reason.next !== null),
        JSON.stringify(reasons)
      )
      t.equal((await frontend.twinedge('standby')).code, 1)
      await reconfigure(site, 'backend')
      await frontend.verdict(({ isGo }) => isGo)
    })
  }

  t.test('two servers that have something from each other answer 508, and say so', async t => {
    const isTold = [frontend, backend].map(server => server.next(({ code, status }) => code === 'LINK_LOOP' && !status))
    await reconfigure(site, 'backend', yaml => yaml.replace(local.api, 'api: { origin: peer }'))
    for (const server of [frontend, backend]) {
      const reply = await visitor.ask('request', { target: server.target(), path: '/api/v1/health' })
      t.match(reply, { status: 508, text: /"LINK_LOOP"/ })
      t.ok(reply.doneMs < 5_000, `${reply.doneMs} ms`)
      const { reasons } = await server.verdict(({ isGo }) => !isGo)
      t.ok(
        reasons.some(({ what }) => /^LINK_LOOP: .* api /.test(what)),
        JSON.stringify(reasons)
      )
    }
    for (const line of await Promise.all(isTold)) t.match(line, { detail: /api/, next: /twinedge link/ })
    await reconfigure(site, 'backend')
    await frontend.verdict(({ isGo }) => isGo)
  })

  t.test('the frontend server dies, DNS leads to the backend: pages, API, chat and uploads go on', async t => {
    const curl = ['-s', '-m', '30', '--cacert', join(backend.state, 'local-ca', 'root.pem')]
    kill(ground.frontend.name)
    ground.clients.resolve({ hosts: { [siteName]: ground.backend.address } })
    const page = await ground.clients.run('curl', [...curl, `https://${siteName}/login`])
    t.match(page, { code: 0, out: /<html/ })
    const target = backend.target()
    t.equal((await visitor.ask('request', { target, path: '/api/v1/health' })).status, 200)
    t.equal(await (await Chat.begin(visitor, target, 20, 20)).fault(), '')
    const workbook = new Workbook(2_000_000)
    t.equal(workbook.fault(await workbook.send(visitor, target)), '')
    const verdict = await backend.verdict(({ notes }) => notes.some(({ what }) => /not heard of/.test(what)), '--self')
    t.match(verdict, { server: 'backend', isGo: true, reasons: [] }, 'what it can do alone is known')
    t.match((await backend.verdict(({ isGo }) => !isGo)).reasons, [{ what: /not reached: LINK_/ }])
  })
})

async function reconfigure(site: Site, role: Role, change = (yaml: string): string => yaml): Promise<void> {
  const server = site[role]
  await server.edge.write(`${change(yamlOf(role, site.ground, wanted))}state: "${server.state}"\n`)
  const { code, err } = await server.twinedge('reload')
  if (code !== 0) throw new Error(err)
  await server.linkUntil(isReady)
}

/** Everything that runs there, at once. */
function kill(place: string): void {
  const pids = execFileSync('ip', ['netns', 'pids', place], { encoding: 'utf8' }).split('\n').filter(Boolean)
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
}
