import { once } from 'node:events'
import t from 'tap'
import type { Line } from '../../../../proxy/link/line/line.ts'
import { type Ends, startEnds, until } from '../../../doubles/line/ends.ts'

/** An answer has begun: what is under way has been heard of. */
async function begin(one: Line, two: Line): Promise<void> {
  one.write('asked')
  await once(two, 'data')
  two.write('answering')
  await once(one, 'data')
}

/** Two seconds, in which each wire pings once, and is answered, however slow this machine is. */
async function passAnswered({ clock, relay }: Ends): Promise<void> {
  relay.forgetAnswers()
  clock.pass(2_000)
  await until(() => relay.isAnswered, 'an answer over every wire')
}

t.test('a way that is cut in silence is noticed at both ends, and what was under way goes on over another', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const [wire, there] = [one.wire!, two.wire!]
  await begin(one, two)
  ends.relay.stall()
  one.write('under way')
  two.write('so is this')
  ends.clock.pass(4_000)
  t.notOk(wire.isClosed || there.isClosed, 'patience, at first')
  ends.clock.pass(8_000)
  t.ok(wire.isClosed && there.isClosed)
  t.match(ends.states[1], { code: 'LINK_UNREACHABLE', detail: /nothing heard for \d+ s|no answer within/ })
  ends.relay.goOn()
  ends.clock.pass(5_000)
  const came = Promise.all([once(two, 'data'), once(one, 'data')])
  t.same(String(await came), 'under way,so is this')
  t.equal(ends.states.at(-1), null)
})

t.test('who does not read is not silent, and neither is who has nothing to say', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const [idle, there] = await ends.open()
  const wires = [one.wire, two.wire, idle.wire, there.wire]
  one.write(Buffer.alloc(3_000_000))
  // Behind what waits to be sent nothing is pinged.
  await until(() => one.wire?.isWritable === true, 'the line to have taken what fits')
  for (let pass = 0; pass < 30; pass++) await passAnswered(ends)
  t.same(
    wires.map(wire => wire?.isClosed),
    [false, false, false, false]
  )
})

t.test('a process that was stopped itself does not take the others for dead', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  await until(() => ends.outgoing.spares.count >= 16, 'all spare ones')
  ends.clock.leap(60_000)
  t.same([one.wire?.isClosed, two.wire?.isClosed], [false, false])
  t.equal(ends.outgoing.spares.count >= 16, true)
  ends.relay.stall()
  ends.clock.pass(12_000)
  t.equal(one.wire?.isClosed ?? true, true, 'and notices silence after it as before')
})

t.test('a line that finds no wire in time says why; one that had one waits for longer', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  await begin(one, two)
  ends.relay.close()
  ends.relay.cut()
  await until(() => one.wire === null, 'the cut')
  const fresh = ends.outgoing.take()
  const failed = once(fresh, 'error')
  await until(() => ends.outgoing.waiting === 2, 'two that wait')
  ends.clock.pass(6_000)
  t.match(await failed, [{ code: 'LINK_DOWN', detail: /127\.0\.0\.1/ }])
  ends.clock.pass(110_000)
  t.notOk(one.destroyed)
  const away = once(one, 'error')
  ends.clock.pass(10_000)
  t.match(await away, [{ message: 'the line was away for too long' }])
  t.equal(ends.acceptor.incoming.inUse, 1, 'the other end waits a little longer')
  ends.clock.pass(40_000)
  t.same([ends.acceptor.incoming.inUse, ends.acceptor.budget.used, ends.budget.used], [0, 0, 0])
})

t.test('a peer that has restarted does not know the lines of before, and says so', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const failed = once(one, 'error')
  await ends.restart()
  ends.clock.pass(1_000)
  t.match(await failed, [{ message: /reset|restarted/ }])
  t.ok(two.destroyed)
  const [again, there] = await ends.open()
  again.write('new')
  t.equal(String(await once(there, 'data')), 'new')
})

t.test('a spare wire is replaced after ten minutes, before it can be stale', async t => {
  const ends = await startEnds(t)
  await until(() => ends.outgoing.spares.count >= 16, 'all spare ones')
  const first = new Set(ends.relay.pairs)
  const replaced = (): boolean => [...ends.relay.pairs].some(pair => !first.has(pair))
  for (let minute = 0; minute < 10; minute++) {
    for (let part = 0; part < 30; part++) await passAnswered(ends)
    if (minute === 8) t.notOk(replaced(), 'and not before')
  }
  ends.clock.pass(2_000)
  await until(replaced, 'a new one')
})
