// Low TTLs, unknown certificates and a tool that is gone are tried with WAN=long only.
import { rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import t from 'tap'
import { startDnsSite } from '../../doubles/dns/site.ts'
import type { RunningEdge } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { sshMissing } from '../../doubles/ssh/server.ts'

const whenLong = { skip: process.env.WAN === 'long' ? false : 'takes long: WAN=long' }

t.test('a switch between two edges that both run', { skip: sshMissing }, async t => {
  const site = await startDnsSite(t)
  const { folder } = site.backend.ssh.plan
  site.point('frontend', 3600)

  t.test('it is planned: GO, each record, how long to wait, what becomes of the rest, the way back', async t => {
    const { code, out, err } = await site.run('switch-plan')
    t.same([code, err], [0, ''])
    t.match(
      out,
      /^GO {2}backend: it is safe to point DNS at it now: it serves all domains, while frontend runs as well\n/
    )
    t.match(out, /^RECORD +TYPE +NOW +THEN +TTL NOW\nshop\.test +A +127\.0\.0\.1 +127\.0\.0\.2 +3600 s\n/m)
    t.match(out, '\nwww.shop.test follows shop.test by itself\n')
    t.match(out, /^2\. Wait 3600 s, until 20\S+Z if you set it at once/m)
    t.match(out, 'it serves web itself, and passes api on to backend over the link')
    t.match(out, 'Back: twinedge dns switch-plan frontend')
  })

  t.test('a TTL that is low already is not waited for; IPv6 that leads elsewhere goes', whenLong, async t => {
    site.point('frontend', 60)
    site.dns.set('shop.test', 'AAAA', ['2001:db8::4'], 60)
    const { out } = await site.run('switch-plan', 'backend')
    site.dns.set('shop.test', 'AAAA', [])
    t.match(out, /^shop\.test +AAAA +2001:db8::4 +remove it +60 s$/m)
    t.match(out, /^1\. Change them, as above/m)
    t.notMatch(out, 'Wait')
  })

  t.test('it is watched: not before everybody says so, and then with traffic', async t => {
    const early = await site.run('watch', 'backend', '--within', '300ms', '--every', '100ms')
    t.match(early, { code: 1, err: /^DNS_NOT_SPREAD:\nnot yet shop\.test at \S+: 127\.0\.0\.1\n/ })
    const watched = site.run('watch', 'backend', '--within', '20s', '--every', '50ms', '--span', '100ms')
    await until(() => site.dns.asked('shop.test', 'A') > 10, 'it watches')
    site.point('backend')
    const { code, out, err } = await watched
    t.same([code, err], [0, ''])
    t.match(out, /^not yet shop\.test at .*\n(?:.*\n)*there {2}shop\.test at \S+: 127\.0\.0\.2\n/)
    t.match(out, '\nall 2 answers lead to backend, 127.0.0.2\n')
    t.match(out, '\nhttps://www.shop.test at 127.0.0.2: served\nbackend: 2 requests meanwhile, ')
    t.match(out, '\nfrontend: 0 connections, then 0: nobody is left')
    t.match(await site.run('switch-plan', 'backend'), {
      code: 0,
      out: /nothing to change: every domain leads to backend/
    })
  })

  t.test('who still comes to the old edge is served, and by the new one where the old app is gone', async t => {
    const at = (path: string): Promise<string> => bodyOf(site.frontend.edge, path)
    t.match(await at('/api/x'), 'backend', 'it has never run the API')
    t.equal(await at('/'), 'frontend')
    await site.frontend.app.stop()
    await until(async () => (await at('/')) === 'backend', 'its pages are passed on, too')
  })

  t.test('NO-GO where the other server does less than all: each reason, the records all the same', async t => {
    const { code, out, err } = await site.run('switch-plan', 'frontend', '--alone')
    t.match([code, err], [1, /^DNS_NO_GO: frontend: see above\nnext: .* then: twinedge dns switch-plan frontend\n/])
    t.match(out, /^NO-GO {2}frontend: it is NOT safe to point DNS at it now\n/)
    t.match(
      out,
      /^ {2}- api comes from backend: frontend has none of its own\n {4}next: on frontend: give upstreams\.api/m
    )
    t.match(out, /^shop\.test +A +127\.0\.0\.2 +127\.0\.0\.1 /m)
    t.match(out, /^NOT NOW: .* \(backend is dead\), all the same:\n1\. /m)
  })

  t.test('somebody else answers at the address of the new entry', async t => {
    writeFileSync(join(folder, '.env'), `HTTPS_PORT=${site.frontend.edge.httpsPort}\n`)
    const { code, err } = await site.run('watch', 'backend', '--within', '1s', '--span', '50ms')
    t.match([code, err], [1, /^DNS_UNSERVED:\nshop\.test: .*ECONNREFUSED/])
    writeFileSync(join(folder, '.env'), `HTTPS_PORT=${site.backend.edge.httpsPort}\n`)
  })

  t.test('a certificate that no browser knows is a reason against', whenLong, async t => {
    site.point('frontend')
    const { code, out } = await site.runAfar('switch-plan', 'backend')
    t.equal(code, 1)
    t.match(out, /- https:\/\/shop\.test\/ at 127\.0\.0\.2: .*certificate/)
  })

  t.test('the day on which the frontend server dies: the other one does without it', async t => {
    site.point('frontend')
    site.frontend.ssh.kill()
    const unseen = await site.run('switch-plan')
    t.match(unseen, { code: 0, out: /^GO {2}backend: .* while frontend runs as well\n/ }, 'its edge lives')
    await site.frontend.edge.edge.stop()
    await until(() => site.backend.edge.edge.link.status().state !== 'up', 'the link is down')
    const { code, out } = await site.run('switch-plan')
    t.equal(code, 0)
    t.match(out, /^GO {2}backend: it is safe .* even without frontend\n/)
    t.match(out, 'Who still comes to frontend gets no answer, if its edge is dead (SSH_UNREACHABLE)')
    site.point('backend')
    const watched = await Promise.all([
      site.run('watch', 'backend', '--within', '5s', '--span', '50ms'),
      site.run('watch', 'backend', '--within', '5s', '--span', '50ms', '--json')
    ])
    t.match(watched[0], { code: 0, out: /\nfrontend: not reached \(SSH_UNREACHABLE\)/ })
    const facts = watched[1].out
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as object)
    t.match(facts.slice(-2), [
      { event: 'spread', answers: 2, server: 'backend', address: '127.0.0.2' },
      { event: 'traffic', visits: { 'shop.test': '' }, there: {}, left: { code: 'SSH_UNREACHABLE' } }
    ])
    const answer = {
      event: 'answer',
      domain: 'shop.test',
      asked: String,
      says: '127.0.0.2',
      isThere: true,
      leftSeconds: 0
    }
    t.match(facts[0], answer)
  })

  t.test('a server whose tool is gone is not said to be good', whenLong, async t => {
    rmSync(join(folder, 'tool'))
    const { code, out, err } = await site.run('switch-plan', 'backend')
    t.match([code, err], [1, /^DNS_NO_GO/])
    t.match(out, /- backend is not reached: SERVER_TOOL_MISSING: /)
  })
})

/** As somebody gets it whose resolver still says the old address. */
function bodyOf({ ca, httpsPort }: RunningEdge, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const asked = request({ host: '127.0.0.1', port: httpsPort, path, ca, servername: 'shop.test', agent: false })
  asked.setHeader('host', 'shop.test')
  asked.once('error', reject)
  asked.once('response', async answer => {
    let text = ''
    for await (const chunk of answer) text += chunk
    resolve(text)
  })
  asked.end()
  return promise
}
