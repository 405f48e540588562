// Who may not use the link: strangers, keys that are not the peer's, or no longer; other protocols, other clocks.
// Those that take a restart, or a wait, run with WAN=long only.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { makeSelfSigned } from '../../proxy/tls/local-certificate.ts'
import { whyNoWan } from '../doubles/wan/missing.ts'
import type { Place } from '../doubles/wan/place.ts'
import type { IntruderVerbs } from '../doubles/wan/programs/intruder.ts'
import { isReady, linkPort, Server, siteName } from '../doubles/wan/site/server.ts'
import { type Site, startSite, yamlOf } from '../doubles/wan/site/site.ts'

const whenLong = { skip: process.env.WAN === 'long' ? false : 'takes long: WAN=long' }
const missing = whyNoWan()
const wanted = { delayMs: 20, apps: { frontend: [], backend: ['api'] } } as const
const hello = `GET /api/v1/health HTTP/1.1\r\nhost: ${siteName}\r\nx-twinedge-upstream: api\r\n\r\n`

t.test('who may not use the link', { skip: missing !== '' && missing, timeout: 240_000 }, async t => {
  const site = await startSite(t, wanted)
  const { ground, frontend, backend } = site
  const there = { address: frontend.place.address, port: linkPort }
  const told = (code: string) => frontend.next(line => line.code === code)

  t.test('a stranger gets a reset and not a byte, and is told of once', async t => {
    const [stranger, line] = [intruder(t, ground.stranger), told('LINK_STRANGER')]
    for (const isPlain of [true, false, true, false]) {
      const { bytes, code } = await stranger.ask('dial', {
        ...there,
        text: hello,
        isPlain,
        protocol: 'twinedge-link/1'
      })
      t.same([bytes, code], [0, 'ECONNRESET'])
    }
    t.match(await line, { detail: new RegExp(ground.stranger.address), next: /link\.from/ })
  })

  t.test("from the peer's address, without the peer's key, one gets nothing that is worth having", async t => {
    const [thief, line] = [intruder(t, ground.backend), told('LINK_KEY_UNKNOWN')]
    const plain = await thief.ask('dial', { ...there, text: hello, isPlain: true })
    t.notMatch(plain.text, /HTTP|ok|twinedge/, 'plain HTTP')
    const foreign = await makeSelfSigned('a thief', new Date(), 10)
    for (const secrets of [{}, foreign]) {
      const { text } = await thief.ask('dial', { ...there, ...secrets, text: hello, protocol: 'twinedge-link/1' })
      t.notMatch(text, /HTTP|instance/)
      t.match(text, /LINK_KEY_UNKNOWN/, 'a peer that has lost its key is told so')
    }
    t.match(await line, { detail: /showed no key/ })
    t.equal(frontend.lines.filter(({ code }) => code === 'LINK_STRANGER').length, 1, 'and of the stranger but once')
    t.ok(isReady(await frontend.linkUntil(isReady)), 'the link is as it was')
  })

  t.test('a client of another protocol is told of as that', async t => {
    const [old, line] = [intruder(t, ground.backend), told('LINK_VERSION')]
    const { text } = await old.ask('dial', {
      ...there,
      ...(await keyOf(backend)),
      text: hello,
      protocol: 'twinedge-link/9'
    })
    t.equal(text, '')
    t.match(await line, { next: /up to date/ })
  })

  t.test('forgotten by the other server: nothing passes; taken again: all is as before', async t => {
    const { own } = (await frontend.link()).keys
    await backend.twinedge('link', 'pair', '--forget', own.fingerprint)
    const { fault } = await frontend.linkUntil(({ state }) => state === 'down')
    t.match(fault, { code: /LINK_UNPAIRED|LINK_KEY_UNKNOWN/, detail: /our key/, next: /twinedge link pair/ })
    t.equal(await statusOf(site), 503)
    t.equal((await backend.twinedge('link', 'pair', own.fingerprint)).code, 0)
    await frontend.linkUntil(isReady)
    t.equal(await statusOf(site), 200)
  })

  t.test('another edge at its address, with a key of its own, is not taken for it', whenLong, async t => {
    backend.edge.child.kill('SIGTERM')
    await backend.edge.exit
    const third = await Server.make(t, 'backend', backend.place)
    await third.start(yamlOf('backend', ground, wanted))
    const { keys } = await frontend.link()
    await third.twinedge('link', 'pair', keys.own.fingerprint, '--wait', '0s')
    const { fault } = await frontend.linkUntil(({ fault }) => fault?.code === 'LINK_KEY_UNKNOWN')
    t.match(fault, { detail: /is not the key of the peer/, next: /twinedge link pair/ })
    t.match((await third.linkUntil(({ state }) => state === 'down')).fault, { code: 'LINK_KEY_UNKNOWN' })
    t.equal(await statusOf(site), 503)
    third.edge.child.kill('SIGTERM')
    await third.edge.exit
    const next = intruder(t, ground.backend)
    const at = { address: backend.place.address, port: linkPort }
    await next.ask('listen', { ...at, ...(await keyOf(backend)), protocol: 'twinedge-link/9' })
    const later = await frontend.linkUntil(({ fault }) => fault?.code === 'LINK_VERSION')
    t.match(later.fault, { detail: /twinedge-link\/1/, next: /up to date/ }, 'nor is one of another protocol')
    await next.stop()
    await site.start('backend')
    await frontend.linkUntil(isReady)
    t.equal(await statusOf(site), 200)
  })

  t.test('a key whose time is over is refused on both sides, until it is changed by hand', whenLong, async t => {
    const over = await makeSelfSigned('twinedge link', new Date(Date.now() - 400 * 86_400_000), 365)
    backend.edge.child.kill('SIGTERM')
    await backend.edge.exit
    await writeFile(join(backend.state, 'link/own.pem'), `${over.cert.trim()}\n${over.key.trim()}\n`)
    await site.start('backend')
    const ownOf = async () => (await backend.link()).keys.own.fingerprint
    await frontend.twinedge('link', 'pair', await ownOf(), '--wait', '0s')
    for (const server of [frontend, backend]) {
      const { fault } = await server.linkUntil(({ fault }) => fault?.code === 'LINK_KEY_EXPIRED')
      t.match(fault?.next, /twinedge link rotate/)
    }
    await backend.twinedge('link', 'rotate')
    await frontend.twinedge('link', 'pair', await ownOf())
    await frontend.linkUntil(isReady)
    t.equal(await statusOf(site), 200)
  })

  t.test('a peer that takes its time is told of as slow', whenLong, async t => {
    const slow = frontend.next(({ code }) => code === 'LINK_SLOW')
    let isOver = false
    const stopNow = (): void => {
      isOver = true
    }
    slow.then(stopNow, stopNow)
    // It is asked every five seconds; and it is not silent for long enough to be given up.
    for (let round = 0; round < 6 && !isOver; round++) {
      const { reportedAt } = await frontend.linkUntil(link => link.reportedAt !== null && isReady(link))
      await pause(Math.max(0, Date.parse(reportedAt!) + 4_400 - Date.now()))
      backend.edge.child.kill('SIGSTOP')
      await pause(4_000)
      backend.edge.child.kill('SIGCONT')
      await pause(1_000)
    }
    t.match(await slow, { detail: /took \d+ ms/, next: /twinedge link check/ })
    t.equal(await statusOf(site), 200)
  })

  t.test('a clock that is another one is told of, and no standby has it', whenLong, async t => {
    backend.edge.child.kill('SIGTERM')
    await backend.edge.exit
    const late = frontend.next(({ code }) => code === 'LINK_CLOCK')
    await backend.start(yamlOf('backend', ground, wanted), ['env', `NODE_OPTIONS=--import=${aheadBy(60_000)}`])
    t.match(await late, { detail: /differ by (59|60|61) s/, next: /ntp/ })
    for (const server of [frontend, backend]) {
      const isOfClock = ({ what }: { what: string }): boolean => what.startsWith('LINK_CLOCK')
      const { isGo } = await server.verdict(({ reasons }) => reasons.some(isOfClock))
      t.equal(isGo, false)
    }
    t.equal(await statusOf(site), 200, 'the link works all the same')
  })
})

function intruder(t: Test, place: Place) {
  const worker = place.worker<IntruderVerbs>(new URL('../doubles/wan/programs/intruder.ts', import.meta.url))
  t.teardown(() => worker.stop())
  return worker
}

/** As a thief of the whole state folder would have it. */
async function keyOf({ state }: Server): Promise<{ cert: string; key: string }> {
  const text = await readFile(join(state, 'link/own.pem'), 'utf8')
  const [cert = '', key = ''] = text.match(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n?/g) ?? []
  return { cert, key }
}

async function statusOf({ visitor, frontend }: Site): Promise<number> {
  return (await visitor.ask('request', { target: frontend.target(), path: '/api/v1/health' })).status
}

/** A module that sets the clock of a process, as JavaScript sees it. */
function aheadBy(ms: number): string {
  const script = `const Real = Date
globalThis.Date = class extends Real {
  constructor (...at) { super(...(at.length === 0 ? [Real.now() + ${ms}] : at)) }
  static now () { return Real.now() + ${ms} }
}`
  return `data:text/javascript,${encodeURIComponent(script)}`
}
