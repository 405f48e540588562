import { once } from 'node:events'
import t from 'tap'
import { frame } from '../../../../proxy/link/line/frames.ts'
import type { Line } from '../../../../proxy/link/line/line.ts'
import { LEAST_BYTES, MOST_BYTES } from '../../../../proxy/link/line/outbox.ts'
import { type Ends, startEnds, until } from '../../../doubles/line/ends.ts'
import { drain, pour } from '../../../doubles/line/traffic.ts'

const MIB = 1_048_576

/** Ends the wait for a try to be due. */
async function loseWires(ends: Ends, line: Line): Promise<void> {
  ends.relay.cut()
  await until(() => line.wire === null || line.destroyed, 'the cut')
  ends.clock.pass(1_000)
}

t.test('who does not read stops who writes; each line in the bounds of its own', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const digest = pour(one, 20 * MIB, [100_000], 1)
  await until(() => two.readableLength >= LEAST_BYTES, 'a window that is full')
  const held = (): number => one.writableLength + two.readableLength
  t.ok(ends.budget.used <= LEAST_BYTES + 65_536, `${ends.budget.used} kept`)
  t.ok(held() < LEAST_BYTES + MIB, `${held()} held`)
  // Others go on, and so does the other direction of the same line: what it needs to know is not behind the data.
  const [other, there] = await ends.open()
  const back = Promise.all([pour(two, 9 * MIB, [64_000], 2), pour(there, MIB, [999], 3)])
  const [got, gotOther] = [drain(one), drain(other)]
  const [sentBack, sentOther] = await back
  there.end()
  t.equal(await gotOther, sentOther)
  t.ok(two.readableLength >= LEAST_BYTES, 'while still nobody read this one')
  const came = drain(two)
  t.equal(await digest.finally(() => one.end()), await came)
  t.equal(await got, sentBack)
  await until(() => ends.outgoing.inUse === 0, 'the end')
  t.equal(ends.budget.used, 0)
})

t.test('a cut while nobody reads fills the other side no further', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const digest = pour(one, 16 * MIB, [65_536], 1)
  for (let cut = 0; cut < 3; cut++) {
    await until(() => two.readableLength >= LEAST_BYTES, 'a window that is full')
    await loseWires(ends, one)
    await until(() => one.wire !== null, 'another wire')
  }
  t.ok(two.readableLength <= LEAST_BYTES + 65_536, `${two.readableLength}`)
  const came = drain(two)
  t.equal(await digest.finally(() => one.end()), await came)
})

t.test('a reset is heard at once, though nobody reads, and whatever waits to be written', async t => {
  const ends = await startEnds(t)
  for (const leave of ['dialer', 'acceptor'] as const) {
    const [one, two] = await ends.open()
    pour(one, 20 * MIB, [100_000], 1).catch(() => {})
    await until(() => two.readableLength >= LEAST_BYTES, 'a window that is full')
    const [left, stays] = leave === 'dialer' ? [one, two] : [two, one]
    const heard = once(stays, 'error')
    left.destroy()
    t.match(await heard, [{ code: 'ECONNRESET' }], leave)
  }
  await until(() => ends.outgoing.inUse + ends.acceptor.incoming.inUse === 0, 'the end of all')
  t.same([ends.budget.used, ends.acceptor.budget.used], [0, 0])
})

t.test('a line may be destroyed at any moment, and neither end keeps anything of it', async t => {
  const ends = await startEnds(t)
  const fresh = ends.outgoing.take()
  fresh.write('never sent')
  fresh.destroy()
  for (let i = 0; i < 100; i++) {
    const line = ends.outgoing.take()
    line.on('data', () => {})
    line.write(Buffer.alloc(1_000 * i))
    if (i % 3 === 0) await once(line, 'connect')
    if (i % 9 === 0) await new Promise(resolve => setImmediate(resolve))
    if (i % 5 === 0) line.end()
    line.destroy(i % 2 === 0 ? undefined : new Error('left'))
    t.notOk(line.write('after it'))
    if (i % 10 === 0) ends.relay.cut()
  }
  ends.clock.pass(1_000)
  await until(() => ends.outgoing.inUse + ends.acceptor.incoming.inUse === 0, 'the end of all')
  t.same([ends.budget.used, ends.acceptor.budget.used, ends.outgoing.waiting], [0, 0, 0])
  const [one, two] = await ends.open()
  one.end('and others go on')
  t.equal(String(await once(two, 'data')), 'and others go on')
})

t.test('what is written is a promise only once it was taken: finish, and the end, in that order of things', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  let isFinished = false
  one.end(Buffer.alloc(100_000), () => {
    isFinished = true
  })
  await until(() => two.readableLength === 100_000, 'the bytes')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.notOk(isFinished, 'nobody has read them')
  two.resume()
  await once(two, 'end')
  await until(() => isFinished, 'finish')
})

t.test('what is written while it is corked is one frame', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const chunks: string[] = []
  two.on('data', chunk => chunks.push(String(chunk)))
  one.cork()
  for (const text of ['5\r\n', 'hello', '\r\n']) one.write(text)
  one.uncork()
  await until(() => chunks.length > 0, 'bytes')
  t.same(chunks, ['5\r\nhello\r\n'])
})

t.test('of a line that was left while it had no wire the peer hears with the next', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const [kept, keptThere] = await ends.open()
  ends.relay.close()
  await loseWires(ends, one)
  one.destroy()
  ends.relay.open()
  ends.clock.pass(2_000)
  await until(() => two.destroyed, 'the other end to hear')
  await until(() => kept.wire !== null, 'the other line to go on')
  t.notOk(keptThere.destroyed)
})

t.test('nothing comes after an end, nothing is acknowledged that was not sent', async t => {
  const ends = await startEnds(t)
  for (const [type, payload, why] of [
    [frame.ack, Buffer.of(0, 0, 0, 0, 1, 0), 'more was acknowledged than was sent'],
    [frame.ack, Buffer.of(255, 255, 255, 255, 255, 255), 'more was acknowledged than was sent'],
    [frame.data, Buffer.from('x'), 'more came after the end']
  ] as const) {
    const [one, two] = await ends.open()
    one.on('data', () => {})
    const failed = new Promise(resolve => two.once('close', () => resolve(two.errored)))
    if (type === frame.data) {
      two.once('end', () => {})
      one.wire!.send(frame.end)
    }
    one.wire!.send(type, payload)
    t.match(await failed, { message: why })
  }
  const [one, two] = await ends.open()
  for (const short of [0, 5, 7]) one.wire!.send(frame.ack, Buffer.alloc(short, 255))
  one.write('goes on')
  t.equal(String((await once(two, 'data'))[0]), 'goes on')
})

t.test('more than may be unread breaks the line off, and nothing else', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const chunk = Buffer.alloc(65_536)
  for (let sent = 0; sent <= MOST_BYTES + 65_536; sent += chunk.length) one.wire!.sendData([chunk])
  const [error] = await once(two, 'error')
  t.match(error, { message: 'more was sent than may be' })
})

t.test('what was read is told: at once when it is much, soon when it is little', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  pour(one, 20 * MIB, [100_000], 1).catch(() => {})
  await until(() => two.readableLength >= LEAST_BYTES, 'a window that is full')
  await new Promise(resolve => setTimeout(resolve, 1_100)) // so that nothing is told by the way
  const before = two.receivedBytes
  for (let read = 0; read < MIB; read += 65_536) two.read(65_536)
  const beganMs = performance.now()
  await until(() => two.receivedBytes >= before + MIB / 2, 'more')
  t.ok(performance.now() - beganMs < 700)
  const [small, there] = await ends.open()
  const used = ends.budget.used
  there.resume()
  small.write('little')
  t.equal(ends.budget.used >= used + 6, true)
  const kept = (): number => ends.budget.used
  one.destroy()
  await until(() => kept() === 0, 'what was kept to be let go')
  t.notOk(small.destroyed)
})
