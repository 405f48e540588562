import t from 'tap'
import type { UpstreamConfig } from '../../../../proxy/config/config.ts'
import { Deadlines } from '../../../../proxy/deadlines.ts'
import type { InFlight, Slot } from '../../../../proxy/upstream/slots/slot.ts'
import { Upstream } from '../../../../proxy/upstream/upstream.ts'
import { noPeer } from '../../../doubles/no-peer.ts'

const request: InFlight = { kind: 'request', cut() {}, dismiss() {} }
const config: UpstreamConfig = {
  ...{ name: 'web', hasElse: false, keepAliveMs: 4_000, connectMs: 5_000, connections: 0, health: null },
  slots: new Map([
    ['blue', 'http://127.0.0.1:811'],
    ['green', 'http://127.0.0.1:812']
  ])
}

/** Blue serves until `flip()`, on a clock of the test's. */
function start() {
  let now = 1_000
  const deadlines = new Deadlines(() => now)
  const upstream = new Upstream(config, {
    deadlines,
    peer: noPeer,
    promotedSlot: () => undefined,
    onHealth() {},
    onSelfOpened() {}
  })
  const [blue, green] = [...upstream.slots.values()] as [Slot, Slot]
  const pass = (ms: number): void => {
    now += ms
    deadlines.tick()
  }
  return { upstream, blue, green, pass, flip: (to = green) => upstream.activate(to, { isGood: true, saw: '' }) }
}

t.test('a stream that was left holds the drain for half a minute, not for ever', async t => {
  const { blue, upstream, flip, pass } = start()
  blue.owned.claim('a')
  blue.owned.release('a', false)
  flip()
  const drain = blue.beginDrain({ withinMs: 600_000, graceMs: 0 })
  pass(29_999)
  t.equal(drain.status.isDone, false)
  t.equal(upstream.ownerOf('a'), blue)
  pass(1)
  t.equal(drain.status.isDone, true)
  t.match(upstream.status[0], { owned: 0 }, 'and is forgotten then')
  t.equal(upstream.ownerOf('a'), null)
})

t.test('a slot that nobody drains owns its streams no longer than one that is drained', async t => {
  const { blue, upstream, flip, pass } = start()
  blue.owned.claim('a')
  blue.owned.release('a', false)
  flip()
  pass(29_999)
  t.equal(upstream.ownerOf('a'), blue)
  pass(1)
  t.equal(upstream.ownerOf('a'), null)
})

t.test('a drain that a promote has ended forgets nothing, however long its WebSockets take to close', async t => {
  const { blue, upstream, flip, pass } = start()
  const webSocket: InFlight = { ...request, kind: 'webSocket' }
  blue.admit(webSocket)
  blue.owned.claim('a')
  blue.owned.release('a', false)
  flip()
  blue.beginDrain({ withinMs: 600_000, graceMs: 600_000 })
  flip(blue)
  pass(30_000)
  blue.release(webSocket)
  pass(250)
  t.match(upstream.status[0], { slot: 'blue', isActive: true, owned: 1 })
})

t.test('whoever comes back in time is what the drain waits for; then nobody else is', async t => {
  const { blue, flip, pass } = start()
  blue.owned.claim('a')
  blue.owned.release('a', false)
  flip()
  const drain = blue.beginDrain({ withinMs: 600_000, graceMs: 0 })
  pass(10_000)
  blue.owned.claim('a')
  blue.admit(request)
  pass(100_000)
  t.equal(drain.status.isDone, false)
  blue.release(request)
  blue.owned.release('a', true)
  t.equal(drain.status.isDone, true, 'it came to its end')
})

t.test('a stream in two answers is over with the last of them', async t => {
  const { blue } = start()
  blue.owned.claim('a')
  blue.owned.claim('a')
  blue.owned.release('a', true)
  t.equal(blue.owned.has('a'), true)
  blue.owned.release('a', true)
  t.equal(blue.owned.has('a'), false)
  blue.owned.claim('b')
  blue.owned.claim('b')
  blue.owned.release('b', false)
  t.equal(blue.owned.isAwaited, false, 'somebody is still there')
  blue.owned.release('b', false)
  t.equal(blue.owned.isAwaited, true)
  blue.owned.release('never claimed', false)
  t.equal(blue.owned.size, 1)
})

t.test('at the deadline of the drain its streams are forgotten, also those that were just left', async t => {
  const { blue, upstream, flip, pass } = start()
  for (const key of ['a', 'b']) blue.owned.claim(key)
  blue.owned.release('a', false)
  flip()
  const drain = blue.beginDrain({ withinMs: 5_000, graceMs: 0 })
  pass(4_999)
  t.equal(upstream.isDivided, true)
  pass(1)
  t.match([drain.status.isDone, upstream.isDivided, upstream.ownerOf('b')], [true, false, null])
})

t.test('a slot that serves owns nothing that others do not; promoted back, it knows its streams', async t => {
  const { blue, green, upstream, flip, pass } = start()
  blue.owned.claim('a')
  blue.admit(request)
  t.match([upstream.isDivided, upstream.ownerOf('a')], [false, null])
  flip()
  blue.beginDrain({ withinMs: 600_000, graceMs: 0 })
  green.owned.claim('b')
  green.admit(request)
  flip(blue)
  pass(100_000)
  t.equal(upstream.ownerOf('b'), green)
  flip(green)
  t.equal(upstream.ownerOf('a'), blue)
  blue.release(request)
  t.equal(upstream.isDivided, false, 'until it has run empty, drained or not')
})

t.test('ten thousand streams are known, and those that were left are forgotten first', async t => {
  const { blue } = start()
  blue.owned.claim('carried')
  for (let i = 0; i < 5_000; i++) {
    blue.owned.claim(`left ${i}`)
    blue.owned.release(`left ${i}`, false)
  }
  for (let i = 0; i < 9_999; i++) blue.owned.claim(`${i}`)
  t.equal(blue.owned.size, 10_000)
  t.match(
    ['carried', 'left 4999', '0'].map(key => blue.owned.has(key)),
    [true, false, true]
  )
  blue.owned.claim('one more')
  t.match([blue.owned.size, blue.owned.has('carried')], [10_000, false])
})

t.test('a slot that a reload has moved owns its streams as long as one that stays', async t => {
  const { blue, upstream, flip, pass } = start()
  blue.owned.claim('a')
  blue.owned.release('a', false)
  flip()
  upstream.configure({ ...config, slots: new Map(config.slots).set('blue', 'http://127.0.0.1:813') })
  for (const isThere of [true, false]) {
    t.equal(upstream.inFlight, 0, 'asked by whoever looks at the status')
    t.equal(upstream.ownerOf('a'), isThere ? blue : null)
    pass(30_000)
  }
})
