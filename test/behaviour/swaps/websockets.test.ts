import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connectRaw, type RunningEdge, readAll, readUntil, startEdge } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'
import { slotOf } from '../../doubles/slot-pair.ts'

const blue = { upstream: 'web', slot: 'blue' }
const CLOSE_1012 = Buffer.of(0x88, 2, 0x03, 0xf4)

interface Tunnels {
  readonly edge: RunningEdge
  /** The upstream's end of the one that is open. */
  readonly socket: () => Socket
  readonly upstream: RawUpstream
  /** Flips away from its slot and drains that. */
  leave(graceMs: number, withinMs?: number): Promise<void>
}

/** An upstream that agrees to every WebSocket, and closes as RFC 6455 wants it when it gets a close frame. */
async function start(t: Test): Promise<Tunnels> {
  const sockets: Socket[] = []
  const upstream = await startRawUpstream(t, (socket, text) => {
    const key = /sec-websocket-key: (\S+)/i.exec(text)?.[1]
    if (key === undefined) {
      // A client's close frame: masked, with two bytes of a code.
      if (text.charCodeAt(0) === 0x88) socket.end()
      return
    }
    sockets.push(socket)
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    const head = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${accept}`
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
  })
  const green = await startRawUpstream(t, () => {})
  const edge = await startEdge(
    t,
    `server: single
domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
upstreams: { web: { slots: { blue: "${upstream.origin}", green: "${green.origin}" } } }
routes: [{ path: /, upstream: web }]
`
  )
  return {
    edge,
    upstream,
    socket: () => sockets.at(-1)!,
    async leave(graceMs, withinMs = 60_000) {
      await edge.edge.slots.promote({ upstream: 'web', slot: 'green', passes: 1, withinMs: 1_000 })
      edge.edge.slots.drain({ ...blue, withinMs, graceMs })
    }
  }
}

async function open(
  t: Test,
  { edge }: Tunnels
): Promise<{ client: WebSocket; messages: Buffer[]; closed: Promise<number> }> {
  const client = new WebSocket(`wss://localhost:${edge.httpsPort}/`, { ca: edge.ca, perMessageDeflate: false })
  client.on('error', () => {})
  t.teardown(() => client.terminate())
  const messages: Buffer[] = []
  client.on('message', data => messages.push(data as Buffer))
  await once(client, 'open')
  return { client, messages, closed: once(client, 'close').then(([code]) => code as number) }
}

/** A client that writes and reads bytes, and does nothing by itself. @param key without one, the upstream does not agree yet */
async function openRaw(edge: RunningEdge, path: string, key = 'dGhlIHNhbXBsZSBub25jZQ=='): Promise<TLSSocket> {
  const client = await connectRaw(edge)
  const head = [`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket']
  if (key !== '') head.push(`Sec-WebSocket-Key: ${key}`)
  client.write(`${head.join('\r\n')}\r\nSec-WebSocket-Version: 13\r\n\r\n`)
  if (key !== '') await readUntil(client, '\r\n\r\n')
  return client
}

/** How many bytes have reached it, whatever it made of them. */
const bytesTo = (client: WebSocket): number => (client as unknown as { _socket: Socket })._socket.bytesRead

/** Of the server: no mask. */
function frame(first: number, payload: Buffer): Buffer {
  const length = payload.length
  if (length < 126) return Buffer.concat([Buffer.of(first, length), payload])
  const head = length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10)
  head[0] = first
  head[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

t.test('a silent WebSocket is told to go at once, and its drain is done when both sides have closed', async t => {
  const tunnels = await start(t)
  const { closed } = await open(t, tunnels)
  await tunnels.leave(60_000)
  t.equal(await closed, 1012)
  await until(() => slotOf(tunnels, 'blue').drain?.isDone === true, 'the drain is done')
  t.match(slotOf(tunnels, 'blue').drain, { cut: 0, carried: { webSockets: 1 } })
  t.match(await tunnels.edge.line(({ status }) => status === 101), { ended: 'complete' })
  t.match(slotOf(tunnels, 'blue').tally, { failed: 0, streamsCut: 0 })
})

t.test('in the middle of a large message it is told after the frame, and nothing follows', async t => {
  const tunnels = await start(t)
  const { client, messages, closed } = await open(t, tunnels)
  const payload = Buffer.alloc(200_000, 'x')
  const bytes = frame(0x82, payload)
  const before = bytesTo(client)
  tunnels.socket().write(bytes.subarray(0, 70_000))
  await until(() => bytesTo(client) >= before + 70_000, 'the first part has arrived')
  await tunnels.leave(60_000)
  t.match(slotOf(tunnels, 'blue'), { webSockets: 1 })
  // The rest of it and the next one share their packets.
  tunnels.socket().write(Buffer.concat([bytes.subarray(70_000), frame(0x81, Buffer.from('too late'))]))
  t.equal(await closed, 1012)
  t.equal(messages.length, 1)
  t.ok(payload.equals(messages[0]!), 'the message is whole')
})

t.test('between two fragments of a message is a boundary too', async t => {
  const tunnels = await start(t)
  const { client, messages, closed } = await open(t, tunnels)
  const pinged = once(client, 'ping')
  tunnels.socket().write(Buffer.concat([frame(0x01, Buffer.from('first of ')), frame(0x89, Buffer.from('?'))]))
  await pinged
  await tunnels.leave(60_000)
  t.equal(await closed, 1012)
  t.same(messages, [], 'half a message is none')
})

t.test('what arrives a byte at a time is cut nowhere but at its end', async t => {
  const tunnels = await start(t)
  const { client, messages, closed } = await open(t, tunnels)
  const bytes = frame(0x81, Buffer.from('y'.repeat(300)))
  const before = bytesTo(client)
  tunnels.socket().setNoDelay(true).write(bytes.subarray(0, 3))
  await until(() => bytesTo(client) === before + 3, 'three of the four bytes of its head have passed')
  await tunnels.leave(60_000)
  for (const byte of bytes.subarray(3)) {
    tunnels.socket().write(Buffer.of(byte))
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(await closed, 1012)
  t.equal(String(messages[0]), 'y'.repeat(300))
})

t.test('a client that does not close is cut after the grace, streams of others are not', async t => {
  const tunnels = await start(t)
  const client = await openRaw(tunnels.edge, '/')
  const other = await connectRaw(tunnels.edge)
  other.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await tunnels.upstream.seen('/slow')
  const bytes: Buffer[] = []
  client.on('data', (chunk: Buffer) => bytes.push(chunk))
  const closed = once(client, 'close')
  await tunnels.leave(300)
  await until(() => bytes.length > 0, 'it was told')
  tunnels.socket().write(frame(0x81, Buffer.from('nothing follows a close frame')))
  t.match(slotOf(tunnels, 'blue'), { webSockets: 1, drain: { cut: 0 } }, 'and has its grace')
  await closed
  t.same(Buffer.concat(bytes), CLOSE_1012)
  t.match(slotOf(tunnels, 'blue'), { inFlight: 1, drain: { cut: 1, isDone: false } })
  t.match(await tunnels.edge.line(({ status }) => status === 101), { code: 'EDGE_SLOT_DRAINED' })
})

t.test('a promote back does not leave one behind that was told to go', async t => {
  const tunnels = await start(t)
  const client = await openRaw(tunnels.edge, '/')
  const closed = once(client, 'close')
  client.resume()
  await tunnels.leave(500)
  await tunnels.edge.edge.slots.promote({ ...blue, passes: 1, withinMs: 1_000 })
  t.equal(slotOf(tunnels, 'blue').drain, null)
  await open(t, tunnels)
  await closed
  t.match(slotOf(tunnels, 'blue'), { webSockets: 1 }, 'one that came after is not concerned')
})

t.test('a WebSocket that opens while its slot drains is told to go too', async t => {
  const tunnels = await start(t)
  const client = await openRaw(tunnels.edge, '/late', '')
  await tunnels.upstream.seen('/late')
  await tunnels.leave(60_000)
  t.match(slotOf(tunnels, 'blue').drain?.carried, { requests: 1, webSockets: 0 })
  const told = readUntil(client, CLOSE_1012.toString('latin1'))
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  tunnels.upstream.connections.at(-1)!.write(`${head.join('\r\n')}\r\n\r\n`)
  t.match(await told, /^HTTP\/1\.1 101 /)
  client.destroy()
})

t.test('one that its upstream is closing already gets no second close frame', async t => {
  const tunnels = await start(t)
  const client = await openRaw(tunnels.edge, '/')
  const closing = Buffer.of(0x88, 2, 0x03, 0xe8)
  tunnels.socket().write(closing)
  await readUntil(client, closing.toString('latin1'))
  const after = readAll(client)
  await tunnels.leave(60_000)
  client.write(Buffer.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8))
  t.equal(await after, '')
})

t.test('one whose upstream dies has failed, one that its upstream closes has not', async t => {
  const tunnels = await start(t)
  const tally = () => slotOf(tunnels, 'blue').tally
  const { closed } = await open(t, tunnels)
  tunnels.socket().end(frame(0x88, Buffer.of(0x03, 0xe8)))
  t.equal(await closed, 1000)
  await until(() => tally().requests === 1, 'it is counted')
  t.match(tally(), { failed: 0, streamsCut: 0 })
  const { closed: broken } = await open(t, tunnels)
  tunnels.socket().destroy()
  t.equal(await broken, 1006)
  await until(() => tally().requests === 2, 'it is counted')
  t.match(tally(), { failed: 1, streamsCut: 1 })
  t.match(await tunnels.edge.line(({ code }) => code === 'EDGE_UPSTREAM_TRUNCATED'), { status: 101, ended: 'upstream' })
})

t.test('before the one slot that there is stops, its WebSockets are told to go, and wait to come back', async t => {
  const tunnels = await start(t)
  const { slots } = tunnels.edge.edge
  const hold = { upstream: 'web', longestMs: 60_000, spreadMs: 0 }
  const { closed } = await open(t, tunnels)
  const first = tunnels.socket()
  const order = { ...blue, withinMs: 60_000, graceMs: 60_000 }
  t.throws(() => slots.drain(order), { code: 'EDGE_SLOT_ACTIVE' })
  slots.hold({ ...hold, mode: 'paused' })
  slots.drain(order)
  t.equal(await closed, 1012)
  await until(() => slotOf(tunnels, 'blue').drain?.isDone === true, 'the drain is done')
  const again = open(t, tunnels)
  await until(() => slotOf(tunnels, 'blue').hold.waiting === 1, 'it waits')
  slots.hold({ ...hold, mode: 'open' })
  const { client } = await again
  t.not(tunnels.socket(), first)
  t.equal(slotOf(tunnels, 'blue').drain, null, 'it serves, and is not asked to go')
  t.equal(client.readyState, WebSocket.OPEN)
})
