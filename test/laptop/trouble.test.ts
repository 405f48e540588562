// What goes wrong between a laptop and its servers, on the whole of both: none of it is a user's trouble, and whatever was
// begun is finished or undone by a command. With WAN=long only.
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { layServers } from '../doubles/servers/servers.ts'
import { loadWith, release, releaseBad } from '../doubles/servers/site/apps.ts'
import { layOutSite } from '../doubles/servers/site/site.ts'
import { comeSteadily } from '../doubles/servers/site/steady.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { until } from '../doubles/wan/site/server.ts'

const skip = whyNoServers() || engineMissing || (process.env.WAN === 'long' ? false : 'takes long: WAN=long')
const local = ['deploy', '--from-local'] as const
const loadBytes = 40_000_000

t.setTimeout(620_000)
t.test('a site in trouble', { skip, timeout: 600_000 }, async t => {
  const servers = await layServers(t, { engine: true, delayMs: 10, laptop: { delayMs: 10 } })
  const { backend, laptop } = servers
  const site = layOutSite(t, servers, { apps: 'small', authority: null })
  const { folder, twinedge, begin, visitor, target, releases } = site
  const steady = () => comeSteadily(visitor, target, ['/', '/api/v1/whoami', '/api/v1/health'])
  const events = async () => (await twinedge('history')).out.match(/\b(?:done|failed|undone|UNFINISHED)\b/g) ?? []
  await site.init()
  const { code, out, err } = await twinedge('bootstrap')
  t.equal(code, 0, `${out}${err}`)

  t.test('a first deploy of which either half is no good leaves room for the next', async t => {
    releaseBad(folder, 'api', 'no such table')
    t.match(await twinedge(...local), { code: 1, err: /^COMPOSE_CANDIDATE_FAILED: backend: [\s\S]*no such table/m })
    release(folder, 'one')
    releaseBad(folder, 'web', 'no such page')
    const second = await twinedge(...local)
    t.match(second, { code: 1, err: /^COMPOSE_CANDIDATE_FAILED: frontend: [\s\S]*no such page/m })
    t.match(second.out, 'backend: nothing served before this api: it stays')
    release(folder, 'one')
    t.match(await twinedge(...local), { code: 0, out: /^deploy 3 serves/m })
    t.same(await releases(), { web: 'one', api: 'one' })
    t.same(await events(), ['failed', 'failed', 'done'])
  })

  t.test(
    'the line is cut in mid-ship, for a moment and for longer than ssh bears: next to nothing goes twice',
    async t => {
      release(folder, 'two')
      loadWith(folder, 'web', loadBytes)
      const sent = async () => (await laptop.line.stats())['from-laptop'].bytes
      const before = await sent()
      const passed = (bytes: number) =>
        until(
          async () => (await sent()) >= bytes,
          () => `${bytes} bytes from the laptop`
        )
      const deploy = begin(...local)
      await passed(before + loadBytes / 4)
      await laptop.line.cut()
      await pause(3_000)
      await laptop.line.heal()
      await passed(before + loadBytes / 2)
      await laptop.line.cut()
      await deploy.says('The line was cut')
      await laptop.line.heal()
      const { code, out, err } = await deploy.end
      t.equal(code, 0, `${out}${err}`)
      const again = Number(/web: shipped .*, and ([\d.]+) MB of it again/.exec(out)?.[1] ?? 0)
      t.ok(again * 1e6 < loadBytes / 20, `${again} MB again`)
      t.ok((await sent()) - before < 1.12 * loadBytes, 'with the heads of packets, and what TCP sent again')
      t.same(await releases(), { web: 'two', api: 'two' })
      loadWith(folder, 'web', 0)
    }
  )

  t.test('the line is cut while a swap goes on: the deploy goes through, and nobody has noticed', async t => {
    release(folder, 'three')
    const users = steady()
    const deploy = begin(...local)
    await deploy.says(': started')
    await laptop.line.cut()
    await deploy.says('the line is lost')
    await laptop.line.heal()
    t.match(await deploy.end, { code: 0, out: /the line is back[\s\S]*^deploy 5 serves/m })
    const { asked, faults } = await users.leave()
    t.same(faults, [])
    t.ok(asked > 100)
    t.same(await releases(), { web: 'three', api: 'three' })
  })

  t.test('the laptop dies between the two swaps: another one sees it, finishes it, or undoes it', async t => {
    const colleague = site.colleague(await servers.addLaptop({ delayMs: 10 }))
    const users = steady()
    for (const [name, isSilent, mend, after] of deaths) {
      release(folder, name)
      const deploy = begin(...local)
      await deploy.says(': started')
      // So long that nothing more is ordered once the end of the first swap is heard of.
      await laptop.line.delay(200)
      await deploy.says('stopped, and kept')
      if (isSilent) await laptop.line.cut()
      laptop.crash()
      await deploy.end
      t.same((await releases()).api, name, 'the API is the new one already')
      await until(
        async () => (await colleague.twinedge('status')).out.includes('has not ended'),
        () => 'status does not tell of it'
      )
      t.match(await colleague.twinedge(...local), {
        code: 1,
        err: /^DEPLOY_UNFINISHED: deploy \d+, which root@laptop/m
      })
      t.match(
        (await colleague.twinedge('doctor')).out,
        /FAULT deploy-unfinished: .*\n.*\n +mend: twinedge deploy --finish/
      )
      t.match(await colleague.twinedge(...mend), { code: 0 })
      t.same(await releases(), { web: after, api: after })
      await laptop.line.heal()
      await laptop.line.delay(10)
    }
    t.same((await users.leave()).faults, [])
    t.same((await events()).slice(-2), ['done', 'undone'])
  })

  t.test('of two laptops one is told who came first, and nothing is mixed', async t => {
    const colleague = site.colleague(await servers.addLaptop({ address: '10.99.0.22', delayMs: 10 }))
    release(folder, 'six')
    release(colleague.folder, 'seven')
    const late = "hooks: { before: 'until [ -e go ]; do sleep 0.05; done' }\n"
    appendFileSync(join(colleague.folder, 'deploy.yaml'), late)
    // It has found nobody at it yet.
    const second = colleague.begin(...local)
    await second.says('hook before')
    const first = begin(...local)
    await first.says(': started')
    const words = /^DEPLOY_LOCKED: backend: root@laptop has been at "deploy --from-local" since \S+Z; now: \w/m
    t.match(await colleague.twinedge(...local), { code: 1, err: words })
    writeFileSync(join(colleague.folder, 'go'), '')
    t.match(await first.end, { code: 0 })
    const { code, out, err } = await second.end
    if (code !== 0) t.match(err, /^DEPLOY_LOCKED: backend: root@laptop/m, out)
    const serving = code === 0 ? 'seven' : 'six'
    t.same(await releases(), { web: serving, api: serving })
  })

  t.test(
    'a server’s power fails in mid-swap: what served serves, and the deploy ends one way or the other',
    async t => {
      const before = await releases()
      release(folder, 'eight')
      const users = comeSteadily(visitor, target, ['/'])
      const deploy = begin(...local)
      await deploy.says(': started')
      await backend.cutPower()
      await backend.boot()
      const { code, err } = await deploy.end
      if (code !== 0) t.match(err, /^DEPLOY_ORDER_LOST: backend: .*; it was undone$/m)
      t.same((await users.leave()).faults, [], 'the other server has served its pages')
      await until(
        async () => (await site.get('/api/v1/health')) === '{"status":"ok"}',
        () => 'the API is not back'
      )
      t.same(await releases(), code === 0 ? { web: 'eight', api: 'eight' } : before)
      t.notMatch((await twinedge('status')).out, 'has not ended')
      t.match(await twinedge(...local), { code: 0 })
      t.same(await releases(), { web: 'eight', api: 'eight' })
    }
  )
})

/** What is deployed, whether the battery is out or only the process is killed, by what it is mended, and what serves then. */
const deaths = [
  ['four', true, ['deploy', '--finish'], 'four'],
  ['five', false, ['rollback'], 'four']
] as const
