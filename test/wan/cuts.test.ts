// The line between the servers is cut, and healed: what is under way goes on, what comes meanwhile is told.
// With WAN=long it is cut for a minute, else until who asks has been told.
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { whyNoWan } from '../doubles/wan/missing.ts'
import { bytesPass, Chat, Workbook } from '../doubles/wan/site/conversation.ts'
import { isReady, until } from '../doubles/wan/site/server.ts'
import { type Site, startSite } from '../doubles/wan/site/site.ts'

const missing = whyNoWan()
const isLong = process.env.WAN === 'long'
/** What a request may wait for, before it is told that nothing is there: silence and patience, and a busy machine. */
const TOLD_WITHIN_MS = 18_000

t.test('the line between the servers', { skip: missing !== '' && missing, timeout: 240_000 }, async t => {
  const site = await startSite(t)
  const { frontend, backend } = site

  t.test('cut for a second: streams and uploads notice a pause', async t => {
    const before = frontend.lines.length
    await cutMidway(t, site, () => pause(1_000))
    t.notMatch(frontend.lines.slice(before), [{ message: 'the link is down' }], 'for a blip nobody is called')
  })

  t.test(
    `cut for ${isLong ? 60 : 'some 12'} s: streams and uploads go on, and everybody is told meanwhile`,
    async t => {
      const before = await frontend.link()
      await cutMidway(t, site, async () => {
        const cutMs = performance.now()
        const isDown = frontend.next(({ message }) => message === 'the link is down')
        await isTold(t, site, 'who asks before anybody knows')
        t.match(await isDown, { code: 'LINK_UNREACHABLE', detail: /\w/, next: /\w/ })
        if (isLong) await isTold(t, site, 'who asks when it is known')
        const { code, out } = await frontend.twinedge('link')
        t.match([code, out], [1, /DOWN.*\n +LINK_UNREACHABLE .*\n +next: /])
        t.match(await frontend.verdict(({ isGo }) => !isGo), { reasons: [{ what: /LINK_UNREACHABLE/ }] })
        if (isLong) await pause(60_000 - (performance.now() - cutMs))
      })
      const { lines } = await frontend.linkUntil(isReady)
      t.ok(lines.resumed - before.lines.resumed >= 2, 'each went on over another connection')
      t.equal((await frontend.twinedge('link')).code, 0)
      await backend.linkUntil(isReady)
    }
  )
})

/** A chat that is told, and a workbook that is on its way, when the line is cut, until `during` is over. */
async function cutMidway(t: Test, site: Site, during: () => Promise<void>): Promise<void> {
  const { visitor, frontend, ground } = site
  const target = frontend.target()
  const chat = await Chat.begin(visitor, target, 3_600, 50)
  await chat.heard(10)
  const workbook = new Workbook(4_000_000)
  const sent = workbook.send(visitor, target)
  await bytesPass(ground.wan, 'from-frontend', 1_000_000)
  await ground.wan.cut()
  const before = (await chat.heard()).events.length
  await during()
  const { length } = (await chat.heard()).events
  t.ok(length - before < 5, 'nothing came through')
  await ground.wan.heal()
  const healedMs = performance.now()
  await chat.heard(length + 1)
  const chatMs = Math.round(performance.now() - healedMs)
  await until(
    async () => (await status(site)) === 200,
    () => 'new requests are served'
  )
  const newMs = Math.round(performance.now() - healedMs)
  t.comment(`healed: the chat went on after ${chatMs} ms, new requests were served after ${newMs} ms`)
  t.ok(chatMs < 10_000 && newMs < 12_000, 'not when the kernel would try again')
  t.equal(workbook.fault(await sent), '', 'the workbook is whole')
  // What was told meanwhile has come by now, too.
  t.equal(await chat.faultSoFar(length + 60), '', 'no event is missing, none doubled')
  await chat.leave()
}

async function isTold(t: Test, { visitor, frontend }: Site, who: string): Promise<void> {
  const beganMs = performance.now()
  const reply = await visitor.ask('request', { target: frontend.target(), path: '/api/v1/health' })
  const tookMs = Math.round(performance.now() - beganMs)
  t.match(reply, { status: 503, text: /"LINK_DOWN"/ }, who)
  t.comment(`${who} is told after ${tookMs} ms`)
  t.ok(tookMs < TOLD_WITHIN_MS)
  const page = await visitor.ask('request', { target: frontend.target(), path: '/login' })
  t.equal(page.status, 200, 'what runs here is served as ever')
}

async function status({ visitor, frontend }: Site): Promise<number> {
  return (await visitor.ask('request', { target: frontend.target(), path: '/api/v1/health' })).status
}
