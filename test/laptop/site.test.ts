// Chapter by chapter what the manual is for, by a laptop's commands, on two servers of which nothing but ssh is known.
// In CI as far as people who use the site, with apps that are built and shipped in no time; WAN=long: with the sample apps,
// over long lines, and on to the next release, to the doctor and to the switch of DNS.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pebbleMissing } from '../doubles/pebble/pebble.ts'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { layServers } from '../doubles/servers/servers.ts'
import { layOutSite } from '../doubles/servers/site/site.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { startDistantPebble } from '../doubles/wan/programs/authority.ts'
import { Chat, Workbook } from '../doubles/wan/site/conversation.ts'

const skip = whyNoServers() || pebbleMissing('debian') || engineMissing
const isLong = process.env.WAN === 'long'
const whenLong = { skip: isLong ? false : 'takes long: WAN=long' }

t.setTimeout(500_000)
t.test('a site, from two bare servers on', { skip, timeout: 480_000 }, async t => {
  const lines = isLong ? { laptop: { delayMs: 10 } } : { delayMs: 0, laptop: { delayMs: 0 } }
  const servers = await layServers(t, { engine: true, ...lines })
  const { frontend, backend, laptop, ground } = servers
  const authority = await startDistantPebble(t, ground.clients)
  await authority.setDns('site.test', [frontend.address])
  const site = layOutSite(t, servers, { apps: isLong ? 'sample' : 'small', authority })
  const { folder, twinedge, visitor, target, get } = site

  t.test('init writes what it finds out, and bootstrap sets both servers up', async t => {
    t.match(await site.init(), 'deploy.yaml')
    const { code, out, err } = await twinedge('bootstrap')
    t.equal(code, 0, `${out}${err}`)
    t.match(out, /link: the two servers know each other; it is up/)
  })

  t.test('what is set up stays as it is, and what is missing is a deploy', whenLong, async t => {
    t.match(await twinedge('bootstrap'), { code: 0, out: /nothing had to be changed\n$/ }, 'a second time')
    t.match(await twinedge('check'), { code: 0, out: /compose files and \.env are the same there/ })
    t.match(await twinedge('doctor'), { code: 1, out: /twinedge deploy/ })
  })

  t.test('a deploy builds both halves, ships them, and they serve', async t => {
    const { code, out, err } = await twinedge('deploy')
    t.equal(code, 0, `${out}${err}`)
    t.match(out, /verified https:\/\/site\.test\/ at 10\.99\.0\.1: 200/)
    t.notMatch(out, /WARNING/)
    t.match(out, /^deploy 1 serves/m)
    t.ok(out.indexOf('api-green: serves') < out.indexOf('web-green: serves'), 'the API first')
    t.match(await get('/'), /<html/)
    t.equal(await (await Chat.begin(visitor, target, 20, 20)).fault(), '')
    const workbook = new Workbook(5_000_000)
    t.equal(workbook.fault(await workbook.send(visitor, target)), '')
    t.match(await twinedge('status'), { code: 0, out: /web-green \(active\) +frontend +1 / })
    const checked = await twinedge('check')
    t.match(checked, { code: 0, out: /frontend: .* the same there, but for what a server keeps for itself:\n.*NAME/ })
    t.match(checked.out, /^WEB_GREEN_IMAGE .* the server counts$/m, 'which slot serves what')
  })

  t.test('one line more in the web app is all that crosses the line; nobody notices', whenLong, async t => {
    const file = join(folder, 'web/app/page.tsx')
    writeFileSync(file, readFileSync(file, 'utf8').replace('Who answered', 'The second release'))
    const chat = await Chat.begin(visitor, target, 200, 100)
    const before = (await laptop.line.stats())['from-laptop'].bytes
    const { code, out, err } = await twinedge('deploy', '--from-local')
    t.equal(code, 0, `${out}${err}`)
    const sent = (await laptop.line.stats())['from-laptop'].bytes - before
    const image = /web: (localhost\S+), of working tree/.exec(out)?.[1] ?? ''
    const size = Number(execFileSync('docker', ['image', 'inspect', '-f', '{{.Size}}', image], { encoding: 'utf8' }))
    t.ok(sent < size / 20, `${sent} of ${size} bytes`)
    t.match(await get('/'), /The second release/)
    t.equal(await chat.fault(), '', 'a chat of before goes on to its end')
    t.match(await twinedge('history'), { out: /deploy 1 .*done[\s\S]*deploy 2 .*done/ })
    t.match(await twinedge('status'), { code: 0, out: /web-blue \(active\) +frontend +2 / })
  })

  t.test('an image that is no good changes nothing, and a rollback brings both halves back', whenLong, async t => {
    writeFileSync(join(folder, 'api/sample_api/app.py'), 'raise SystemExit("no such table")\n')
    const { code, out, err } = await twinedge('deploy', '--from-local', '--backend-only')
    t.match({ code, err }, { code: 1, err: /^COMPOSE_CANDIDATE_FAILED/m })
    t.match(`${out}${err}`, /no such table/)
    t.equal((await visitor.ask('request', { target, path: '/api/v1/health' })).status, 200)
    t.match(await twinedge('rollback'), { code: 0, out: /deploy 1 serves/ })
    t.notMatch(await get('/'), /The second release/)
  })

  t.test('the doctor finds nothing wrong, and DNS may be switched', whenLong, async t => {
    const { code, out } = await twinedge('doctor')
    t.equal(code, 0, out)
    t.match(await twinedge('certs'), {
      code: 0,
      out: /frontend +site\.test +CN=Pebble[\s\S]*backend +site\.test +CN=Pebble/
    })
    t.match(await twinedge('dns', 'switch-plan', 'backend'), {
      code: 0,
      out: /^GO +backend[\s\S]*10\.99\.0\.1 +10\.99\.0\.2/
    })
    await authority.setDns('site.test', [backend.address])
    t.match(await twinedge('dns', 'watch', 'backend', '--within', '1m'), { code: 0 })
    t.match(
      (await visitor.ask('request', { target: { ...target, address: backend.address }, path: '/' })).text,
      /<html/
    )
  })
})
