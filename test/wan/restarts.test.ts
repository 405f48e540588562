// The edge at the other end goes, with notice and without, hangs, and comes back.
// By SIGTERM, and that hangs, with WAN=long only.
import t, { type Test } from 'tap'
import { whyNoWan } from '../doubles/wan/missing.ts'
import { Chat } from '../doubles/wan/site/conversation.ts'
import { isReady } from '../doubles/wan/site/server.ts'
import { type Site, startSite } from '../doubles/wan/site/site.ts'

const missing = whyNoWan()
const isLong = process.env.WAN === 'long'
const TOLD_WITHIN_MS = 16_000

t.test('the edge at the other end', { skip: missing !== '' && missing, timeout: 240_000 }, async t => {
  const site = await startSite(t)
  const { frontend, backend } = site

  for (const signal of isLong ? (['SIGTERM', 'SIGKILL'] as const) : (['SIGKILL'] as const)) {
    t.test(`ends by ${signal}, and comes back`, async t => {
      const chat = await Chat.begin(site.visitor, frontend.target(), 3_000, 100)
      await chat.heard(5)
      const { edge } = backend
      edge.child.kill(signal)
      await edge.exit
      const told = await ask(site)
      t.equal(told.status, 503, told.text)
      t.match(told.text, /"LINK_DOWN"|"EDGE_UPSTREAM_/)
      t.ok(told.tookMs < TOLD_WITHIN_MS, `${told.tookMs} ms`)
      await site.start('backend')
      await servesAgain(t, site)
      const { hasEnded, failure } = await chat.heard(3_001)
      t.same([hasEnded, failure !== ''], [true, true], 'a chat that is cut is seen to be cut')
      await Promise.all([frontend, backend].map(server => server.linkUntil(isReady)))
    })
  }

  t.test(
    'hangs, and goes on: who asks is told, and what was under way goes on',
    { skip: isLong ? false : 'takes long: WAN=long' },
    async t => {
      const chat = await Chat.begin(site.visitor, frontend.target(), 120, 100)
      await chat.heard(5)
      t.equal((await ask(site)).status, 200) // and leaves a connection that will be used again
      const down = frontend.next(({ message }) => message === 'the link is down')
      backend.edge.child.kill('SIGSTOP')
      const told = await ask(site)
      t.equal(told.status, 503, told.text)
      t.ok(told.tookMs < TOLD_WITHIN_MS, `${told.tookMs} ms`)
      t.match(await down, { code: 'LINK_UNREACHABLE' })
      backend.edge.child.kill('SIGCONT')
      await servesAgain(t, site)
      t.equal(await chat.fault(), '')
    }
  )
})

async function ask({ visitor, frontend }: Site): Promise<{ status: number; text: string; tookMs: number }> {
  const beganMs = performance.now()
  const { status, text } = await visitor.ask('request', { target: frontend.target(), path: '/api/v1/health' })
  return { status, text, tookMs: performance.now() - beganMs }
}

/** Without anybody's hand. */
async function servesAgain(t: Test, site: Site): Promise<void> {
  const beganMs = performance.now()
  for (;;) {
    const { status } = await ask(site)
    if (status === 200 || performance.now() - beganMs > 30_000) break
  }
  const tookMs = Math.round(performance.now() - beganMs)
  t.comment(`${tookMs} ms after it was back`)
  t.ok(tookMs < 10_000, `served again after ${tookMs} ms`)
}
