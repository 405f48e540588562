import t, { type Test } from 'tap'
import { until } from '../../doubles/edge-process.ts'
import { type Answer, ask, askH2, openH2, protocols } from '../../doubles/foreign-client.ts'
import { type Pair, promote, slotOf, startPair } from '../../doubles/slot-pair.ts'

const blue = { upstream: 'web', slot: 'blue' }

/** A stream of events that is being read. */
async function follow(t: Test, pair: Pair, protocol: 'h1' | 'h2'): Promise<{ text(): string; ended: Promise<Answer> }> {
  let text = ''
  const ended = ask(t, pair.edge, protocol, { path: '/events', onData: piece => (text += piece) })
  await until(() => text !== '', 'the stream has begun')
  return { text: () => text, ended }
}

t.test('a drain ends with the last request, not with the deadline', async t => {
  const pair = await startPair(t)
  const session = await openH2(t, pair.edge)
  const slow = [askH2(session, { path: '/slow' }), ask(t, pair.edge, 'h1', { path: '/slow' })]
  await until(() => pair.blue.seen.length === 2, 'both are in flight')
  await promote(pair, 'green')
  const begun = pair.edge.edge.slots.drain({ ...blue, withinMs: 60_000, graceMs: 0 })
  t.match(begun, { carried: { requests: 2, streams: 0, webSockets: 0 }, cut: 0, isDone: false })
  t.equal(Date.parse(begun.cutAt) - Date.parse(begun.beganAt) >= 59_000, true)
  t.equal((await askH2(session, { path: '/' })).body, 'green', 'new requests are not concerned')
  pair.blue.release()
  t.match(await Promise.all(slow), [{ body: 'blue' }, { body: 'blue' }])
  await until(() => slotOf(pair, 'blue').drain?.isDone === true, 'it is done')
  t.match(slotOf(pair, 'blue').drain, { cut: 0, carried: { requests: 2 } })
})

for (const protocol of protocols) {
  t.test(`${protocol}: a stream goes on through a flip; the next one goes to the new slot`, async t => {
    const pair = await startPair(t)
    const old = await follow(t, pair, protocol)
    await promote(pair, 'green')
    const begun = pair.edge.edge.slots.drain({ ...blue, withinMs: 60_000, graceMs: 0 })
    t.match(begun.carried, { requests: 0, streams: 1, webSockets: 0 })
    t.match(slotOf(pair, 'blue'), { inFlight: 1, streams: 1 })
    const next = await follow(t, pair, protocol)
    const length = old.text().length
    await until(() => old.text().length > length + 200, 'it goes on')
    t.match(next.text(), /^data: green 0\n\n/)
    t.match(
      old.text().split('\n\n').slice(0, -1),
      Array.from({ length: 10 }, (_, i) => `data: blue ${i}`)
    )
  })

  t.test(`${protocol}: what is left at the deadline is cut, and told as cut`, async t => {
    const pair = await startPair(t)
    const stream = await follow(t, pair, protocol)
    const waits = ask(t, pair.edge, protocol, { path: '/slow' })
    await until(() => pair.blue.seen.length === 2, 'both are in flight')
    await promote(pair, 'green')
    pair.edge.edge.slots.drain({ ...blue, withinMs: 300, graceMs: 0 })
    t.match(slotOf(pair, 'blue').drain, { isDone: false, cut: 0 })
    const answer = await waits
    t.match([answer.status, answer.body], [503, /EDGE_SLOT_DRAINED/])
    t.notOk((await stream.ended).isComplete, 'a cut stream does not look like one that has ended')
    t.match(slotOf(pair, 'blue'), {
      inFlight: 0,
      drain: { isDone: true, cut: 2, carried: { requests: 1, streams: 1 } }
    })
    t.match(await pair.edge.line(({ path }) => path === '/events'), {
      code: 'EDGE_SLOT_DRAINED',
      slot: 'blue',
      ended: 'edge'
    })
    t.match(slotOf(pair, 'blue').tally, { failed: 2, streamsCut: 1 })
  })
}

t.test('a promote back ends the drain: what is in flight goes on', async t => {
  const pair = await startPair(t)
  const stream = await follow(t, pair, 'h1')
  await promote(pair, 'green')
  pair.edge.edge.slots.drain({ ...blue, withinMs: 400, graceMs: 0 })
  await promote(pair, 'blue')
  t.equal(slotOf(pair, 'blue').drain, null)
  const past = Date.now() + 1_000
  const length = (): number => stream.text().length
  await until(() => Date.now() > past, 'the deadline is long over')
  const then = length()
  await until(() => length() > then, 'it still goes on')
})

t.test('asked again, the time is counted anew; what was counted stays', async t => {
  const pair = await startPair(t)
  const stream = await follow(t, pair, 'h2')
  await promote(pair, 'green')
  const first = pair.edge.edge.slots.drain({ ...blue, withinMs: 60_000, graceMs: 0 })
  await until(() => Date.now() > Date.parse(first.beganAt), 'time has passed')
  const second = pair.edge.edge.slots.drain({ ...blue, withinMs: 0, graceMs: 0 })
  t.equal(second.beganAt, first.beganAt)
  t.match(second, { cut: 1, isDone: true, carried: { streams: 1 } }, 'no time at all is a cut at once')
  await stream.ended
  t.match(pair.edge.edge.slots.drain({ ...blue, withinMs: 60_000, graceMs: 0 }), {
    cut: 0,
    carried: { streams: 0 },
    isDone: true
  })
})

t.test('a drain goes on over a reload', async t => {
  const pair = await startPair(t)
  const stream = await follow(t, pair, 'h1')
  await promote(pair, 'green')
  pair.edge.edge.slots.drain({ ...blue, withinMs: 500, graceMs: 0 })
  pair.edge.setYaml(pair.yaml(', keep-alive: 2s'))
  await pair.edge.edge.reload()
  t.match(slotOf(pair, 'blue'), { inFlight: 1, drain: { isDone: false } })
  t.notOk((await stream.ended).isComplete)
  t.match(slotOf(pair, 'blue').drain, { isDone: true, cut: 1 })
})

t.test('the slot that serves is not drained', async t => {
  const pair = await startPair(t)
  t.throws(() => pair.edge.edge.slots.drain({ ...blue, withinMs: 0, graceMs: 0 }), {
    code: 'EDGE_SLOT_ACTIVE',
    detail: 'web is served by blue'
  })
  t.equal((await ask(t, pair.edge, 'h1')).body, 'blue')
})
