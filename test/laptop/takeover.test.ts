// The day on which the frontend server dies, from the day before to the day after: chapter 9 of the manual, on two servers.
import t from 'tap'
import { pebbleMissing } from '../doubles/pebble/pebble.ts'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { laySite } from '../doubles/servers/site.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { Chat, Workbook } from '../doubles/wan/site/conversation.ts'
import { until } from '../doubles/wan/site/server.ts'

const skip =
  whyNoServers() ||
  pebbleMissing('debian') ||
  engineMissing ||
  (process.env.WAN === 'long' ? false : 'takes long: WAN=long')

t.setTimeout(560_000)
t.test('DNS over to the backend with the frontend dead, and back', { skip, timeout: 540_000 }, async t => {
  const site = await laySite(t, { more: '\nstandby: backend\n' })
  const { frontend, backend, authority, visitor, twinedge, at } = site
  const deployed = await twinedge('deploy')
  t.equal(deployed.code, 0, `${deployed.out}${deployed.err}`)
  t.notMatch(deployed.out, /WARNING/)

  /** Pages, a chat and an upload, as a browser has them at that server. */
  const faultsAt = async (server: typeof frontend): Promise<string> => {
    const target = at(server)
    const page = await visitor.ask('request', { target, path: '/' })
    const chat = await (await Chat.begin(visitor, target, 20, 20)).fault()
    const workbook = new Workbook(2_000_000)
    const upload = workbook.fault(await workbook.send(visitor, target))
    return [page.status === 200 && page.text.includes('<html') ? '' : `page: ${page.status}`, chat, upload].join('')
  }

  t.test('the standby has the pages that were deployed, and says GO without the other one', async t => {
    t.match(await twinedge('status'), { out: /web-green \(active\) +frontend[\s\S]*web-green \(active\) +backend/ })
    t.match(await twinedge('dns', 'check'), { code: 0 })
    await until(
      async () => (await twinedge('dns', 'switch-plan', 'backend', '--alone')).code === 0,
      () => 'GO'
    )
    const { code, out } = await twinedge('dns', 'switch-plan', 'backend')
    t.equal(code, 0, out)
    t.match(out, /^GO +backend: .* while frontend runs as well[\s\S]*10\.99\.0\.1 +10\.99\.0\.2/)
    const { out: memory } = await backend.run('docker', ['stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}'])
    t.comment(memory)
  })

  t.test('the frontend loses its power: GO all the same, and DNS is switched', async t => {
    await frontend.cutPower()
    let plan = ''
    const isAlone = async (): Promise<boolean> => {
      plan = (await twinedge('dns', 'switch-plan')).out
      return plan.includes('even without frontend')
    }
    await until(isAlone, () => plan)
    t.match(plan, /^GO +backend/)
    t.match(plan, 'Who still comes to frontend gets no answer, if its edge is dead (SSH_UNREACHABLE)')
    t.match(plan, 'Back: twinedge dns switch-plan frontend')
    const watched = twinedge('dns', 'watch', 'backend', '--within', '1m', '--every', '500ms', '--span', '1s')
    await authority.setDns('site.test', [backend.address])
    t.match(await watched, { code: 0, out: /all 1 answers lead to backend[\s\S]*served\nbackend: [1-9]/ })
    t.equal(await faultsAt(backend), '', 'pages, chat and upload, by the certificate that it has of its own')
  })

  t.test('the frontend is back: who still comes to it is served, and what it lacks is passed on', async t => {
    await frontend.boot()
    await until(
      async () => (await faultsAt(frontend).catch(String)) === '',
      () => 'the old edge serves stragglers'
    )
    t.match(await twinedge('logs', 'edge', '--server', 'backend', '--since', '1m'), { out: /\/api\/v1\/upload/ })
  })

  t.test('and back again', async t => {
    let plan = { code: 1 as number | null, out: '', err: '' }
    const isGo = async (): Promise<boolean> => {
      plan = await twinedge('dns', 'switch-plan')
      return plan.code === 0
    }
    await until(isGo, () => `${plan.out}${plan.err}`)
    t.match(plan.out, /^GO +frontend: .* while backend runs as well[\s\S]*10\.99\.0\.2 +10\.99\.0\.1/)
    await authority.setDns('site.test', [frontend.address])
    t.match(await twinedge('dns', 'watch', 'frontend', '--within', '1m', '--span', '1s'), { code: 0 })
    t.equal(await faultsAt(frontend), '')
    const { code, out } = await twinedge('doctor')
    t.equal(code, 0, out)
  })
})
