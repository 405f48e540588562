import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { FrameReader, frame, frameOf, offsetOf } from '../../../../proxy/link/line/frames.ts'
import { secureOptions } from '../../../../proxy/link/line/secure.ts'
import { type Ends, startEnds, until } from '../../../doubles/line/ends.ts'

/** A connection with the dialer's own key, that says what it likes. */
async function knownKey(t: Test, { acceptor, keys }: Ends): Promise<TLSSocket> {
  const options = { ...secureOptions(keys[0]), servername: '', checkServerIdentity: () => undefined }
  const socket = connectTls({ ...options, port: acceptor.port, host: '127.0.0.1' })
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

function stranger(t: Test, { acceptor }: Ends): Socket {
  const socket = connect(acceptor.port, '127.0.0.1').resume()
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  return socket
}

/** The frames that come, by their type. */
function typesOf(socket: TLSSocket): number[] {
  const types: number[] = []
  const reader = new FrameReader({ onData() {}, onControl: type => types.push(type), onGarbage() {} })
  socket.on('data', (chunk: Buffer) => reader.push(chunk))
  return types
}

/** Whoever did what: the others' streams go on, and new ones begin. */
async function othersGoOn(t: Test, ends: Ends): Promise<void> {
  const [one, two] = await ends.open()
  one.write('goes on')
  t.equal(String(await once(two, 'data')), 'goes on')
  one.destroy()
  await until(() => two.destroyed, 'the end')
}

t.test('bytes that are no handshake, and handshakes that do not go on, stand in nobody’s way', async t => {
  const ends = await startEnds(t)
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff', '\0'.repeat(5_000)]) {
    const socket = stranger(t, ends)
    socket.write(bytes, 'latin1')
    if (bytes.length === 5) socket.end()
    await once(socket, 'close')
  }
  await until(() => ends.acceptor.refused.length >= 2, 'what was told of them')
  const half = Array.from({ length: 300 }, () => stranger(t, ends))
  let open = half.length
  for (const socket of half) socket.once('close', () => open--)
  await until(() => open === 256, 'the last that is let in')
  const late = stranger(t, ends)
  await once(late, 'close')
  for (const socket of half) socket.destroy()
  await until(() => open === 0, 'all to be gone')
  await othersGoOn(t, ends)
  const again = await knownKey(t, ends)
  const types = typesOf(again)
  await until(() => types.includes(frame.hello), 'a hello')
})

t.test('nobody is let in by what an earlier handshake has left: each time the key itself is needed', async t => {
  const ends = await startEnds(t)
  const options = { ...secureOptions(ends.keys[0]), port: ends.acceptor.port, host: '127.0.0.1' }
  const first = connectTls({ ...options, servername: '', checkServerIdentity: () => undefined })
  t.teardown(() => first.destroy())
  let left: Buffer | undefined
  first.on('session', session => {
    left = session
  })
  const types = typesOf(first)
  await until(() => types.includes(frame.hello), 'a hello')
  const { key, cert, ...keyless } = options
  t.ok(key !== undefined && cert !== undefined)
  const thief = connectTls({ ...keyless, session: left, servername: '', checkServerIdentity: () => undefined })
  t.teardown(() => thief.destroy())
  const told = typesOf(thief)
  await until(() => told.length > 0, 'an answer')
  t.same(told, [frame.refuse])
})

t.test('handshakes that never end are ended, and there is room again', { timeout: 40_000 }, async t => {
  const ends = await startEnds(t)
  const half = Array.from({ length: 256 }, () => stranger(t, ends))
  const closed = Promise.all(half.map(socket => once(socket, 'close')))
  await closed
  const types = typesOf(await knownKey(t, ends))
  await until(() => types.includes(frame.hello), 'a hello')
})

const id = Buffer.alloc(16, 7)
const resume = (offset: number): Buffer => frameOf(frame.resume, Buffer.concat([id, offsetOf(offset)]))
const wrongFirst: Record<string, Buffer> = {
  'no frame': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  'a huge frame': Buffer.of(frame.ack, 255, 255, 255),
  'data before a line': frameOf(frame.data, Buffer.from('x')),
  'an end before a line': frameOf(frame.end),
  'an answer to nothing': frameOf(frame.resumed, offsetOf(0)),
  'a short open': frameOf(frame.open, id.subarray(1)),
  'a long open': frameOf(frame.open, Buffer.alloc(17)),
  'a short resume': frameOf(frame.resume, id),
  'a short gone': frameOf(frame.gone, id.subarray(1))
}
for (const [what, bytes] of Object.entries(wrongFirst)) {
  t.test(`a known key that begins with ${what} is cut off`, async t => {
    const ends = await startEnds(t)
    const socket = await knownKey(t, ends)
    socket.resume()
    socket.write(bytes)
    await once(socket, 'close')
    t.equal(ends.acceptor.incoming.inUse, 0)
    await othersGoOn(t, ends)
  })
}

t.test('no line is begun twice, and none is gone on with that is not, or from where it cannot be', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  const open = frameOf(frame.open, one.id)
  for (const bytes of [open, frameOf(frame.resume, Buffer.concat([one.id, offsetOf(2 ** 40)]))]) {
    const socket = await knownKey(t, ends)
    socket.resume()
    socket.write(bytes)
    await once(socket, 'close')
  }
  one.write('untouched')
  t.equal(String(await once(two, 'data')), 'untouched')
  const unknown = await knownKey(t, ends)
  const types = typesOf(unknown)
  unknown.write(resume(0))
  await until(() => types.includes(frame.resumed), 'an answer')
  unknown.write(Buffer.concat([frameOf(frame.open, id), frameOf(frame.open, id), frameOf(frame.hello)]))
  await until(() => ends.acceptor.incoming.inUse === 2, 'a line of its own, once')
  await othersGoOn(t, ends)
})

t.test('an old word of where to go on does not harm a line that has gone on', async t => {
  const ends = await startEnds(t)
  const [one, two] = await ends.open()
  one.on('data', () => {})
  two.write(Buffer.alloc(200_000))
  two.resume()
  await until(() => two.writableLength === 0 && ends.acceptor.budget.used < 100_000, 'acknowledgements')
  const socket = await knownKey(t, ends)
  socket.resume()
  socket.write(frameOf(frame.resume, Buffer.concat([one.id, offsetOf(0)])))
  await once(socket, 'close')
  one.write('goes on')
  t.equal(String(await once(two, 'data')), 'goes on')
})

t.test('what was answered is not asked again: a line that ended there does not begin anew', async t => {
  const ends = await startEnds(t)
  const line = ends.outgoing.take()
  line.write('a request')
  const failed = once(line, 'error')
  await until(() => ends.acceptor.lines.length === 1, 'the other end')
  ends.relay.stall()
  // Carried out, and given up before a word of that could reach the dialer.
  ends.acceptor.lines[0]!.destroy()
  ends.relay.goOn()
  ends.relay.cut()
  await until(() => line.wire === null || line.destroyed, 'the cut')
  ends.clock.pass(1_000)
  t.match(await failed, [{ message: /reset/ }])
  t.equal(ends.acceptor.lines.length, 1)
})

t.test('what never reached the peer is sent as if for the first time', async t => {
  const ends = await startEnds(t)
  ends.relay.stall()
  const line = ends.outgoing.take()
  line.write('a request')
  await until(() => line.hasBegun, 'a wire')
  ends.relay.cut()
  ends.relay.goOn()
  await until(() => line.wire === null, 'the cut')
  ends.clock.pass(1_000)
  await until(() => ends.acceptor.lines.length === 1, 'the other end')
  t.equal(String(await once(ends.acceptor.lines[0]!, 'data')), 'a request')
  t.equal(ends.outgoing.resumed, 0)
})

t.test('who asks and asks, and reads nothing, fills no memory', async t => {
  const ends = await startEnds(t)
  const socket = await knownKey(t, ends)
  const pings = Buffer.concat(Array.from({ length: 5_000 }, () => frameOf(frame.ping, Buffer.alloc(4_096))))
  const before = process.memoryUsage().rss
  socket.pause()
  for (let i = 0; i < 10; i++) if (!socket.write(pings)) await once(socket, 'drain')
  const grown = process.memoryUsage().rss - before
  t.ok(grown < 150 * 1_048_576, `${Math.round(grown / 1_048_576)} MiB for 200 MiB of pings`)
  await othersGoOn(t, ends)
})
