import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, startEdge, yamlFor } from '../../doubles/edge.ts'
import { END_HEADERS, END_STREAM, frame, H2Frames, literal, pseudo, types, uint32 } from '../../doubles/h2-frames.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

/** Its end, clean or by a reset. */
function closing(socket: Socket): Promise<unknown> {
  return new Promise(resolve => socket.once('close', resolve))
}

/** Of 2,000: the resets that are borne, and as many streams as may be open when the last of them is counted. */
const MOST = 350
const ENHANCE_YOUR_CALM = 11
const CANCEL = uint32(8)
const post = literal([[':method', 'POST'], ...pseudo.slice(1)])
const get = literal(pseudo)
const stream = (i: number): number => 2 * i + 1

/** An upstream that streams events on /events and never answers anything else. */
async function start(t: Test): Promise<{ upstream: RawUpstream; edge: RunningEdge }> {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (!text.startsWith('GET /events')) return
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  return { upstream, edge }
}

/** A client with a stream of events; then, whether it still gets one. */
async function listen(edge: RunningEdge, upstream: RawUpstream): Promise<() => Promise<boolean>> {
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  client.request(1, [...pseudo.slice(0, 3), [':path', '/events']])
  await client.frame(({ type }) => type === types.data)
  const source = upstream.connections[0]!
  return async () => {
    source.write('data: still here\n\n')
    const event = await client.frame(({ payload }) => payload.includes('still here'))
    client.socket.destroy()
    return event !== null
  }
}

/** How often the upstream was connected to, once everything that was on its way has arrived. */
async function connectionsOf(edge: RunningEdge, upstream: RawUpstream): Promise<number> {
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  client.request(1, [...pseudo.slice(0, 3), [':path', '/the-last']])
  await upstream.seen('GET /the-last')
  client.socket.destroy()
  return upstream.connections.length
}

/** Writes `count` pieces, or as many as the edge bears; then waits until it has closed the connection. */
async function flood(edge: RunningEdge, count: number, piece: (i: number) => Buffer): Promise<H2Frames> {
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  for (let i = 0; i < count && !client.isClosed; i++) {
    client.socket.write(piece(i))
    if (i % 100 === 99) await new Promise(resolve => setImmediate(resolve))
  }
  await client.closed()
  return client
}

t.test('a rapid reset ends its connection and no other, after a bounded number of requests', async t => {
  const { upstream, edge } = await start(t)
  const goesOn = await listen(edge, upstream)
  await flood(edge, 2_000, i =>
    Buffer.concat([
      frame(types.headers, END_STREAM | END_HEADERS, stream(i), get),
      frame(types.reset, 0, stream(i), CANCEL)
    ])
  )
  const connections = await connectionsOf(edge, upstream)
  t.ok(connections <= MOST, `the upstream saw ${connections} connections`)
  t.ok(await goesOn(), 'the stream of somebody else lives')
})

t.test('a rapid reset in one write reaches the upstream no more often', async t => {
  const { upstream, edge } = await start(t)
  const goesOn = await listen(edge, upstream)
  const all = Array.from({ length: 2_000 }, (_, i) =>
    Buffer.concat([
      frame(types.headers, END_STREAM | END_HEADERS, stream(i), get),
      frame(types.reset, 0, stream(i), CANCEL)
    ])
  )
  await flood(edge, 1, () => Buffer.concat(all))
  const connections = await connectionsOf(edge, upstream)
  t.ok(connections <= MOST, `the upstream saw ${connections} connections`)
  t.ok(await goesOn())
})

t.test('two hundred resets in ten seconds are borne, as a page that is left makes them; one more is not', async t => {
  const { edge } = await start(t)
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  client.socket.setNoDelay(true)
  let sent = 0
  for (; sent < 300 && !client.isClosed; sent++) {
    client.write(types.headers, END_STREAM | END_HEADERS, stream(sent), get)
    client.write(types.reset, 0, stream(sent), CANCEL)
    const mark = uint32(sent)
    client.write(types.ping, 0, 0, Buffer.concat([mark, mark]))
    await client.frame(({ type, payload }) => type === types.ping && payload.subarray(4).equals(mark))
  }
  t.ok(sent >= 200 && sent <= 205, `${sent} were borne`)
  const goaway = client.frames.find(({ type }) => type === types.goaway)
  t.equal(goaway?.payload.readUInt32BE(4), ENHANCE_YOUR_CALM, 'and it is told why')
})

const provocations: Record<string, (id: number) => Buffer> = {
  'a window past 2^31': id => frame(types.windowUpdate, 0, id, uint32(0x7fffffff)),
  'a window of zero': id => frame(types.windowUpdate, 0, id, uint32(0)),
  'DATA behind the end': id => Buffer.concat([frame(types.data, END_STREAM, id), frame(types.data, 0, id)]),
  'HEADERS behind the end': id =>
    Buffer.concat([frame(types.data, END_STREAM, id), frame(types.headers, END_STREAM | END_HEADERS, id, get)]),
  'PRIORITY of a wrong size': id => frame(types.priority, 0, id, Buffer.alloc(4)),
  'trailers that do not end': id => frame(types.headers, END_HEADERS, id, literal([['x-a', 'b']])),
  'pseudo header fields as trailers': id => frame(types.headers, END_STREAM | END_HEADERS, id, get)
}

t.test('who makes the edge reset its own streams is stopped like who resets them', async t => {
  for (const [name, provoke] of Object.entries(provocations)) {
    const { upstream, edge } = await start(t)
    const goesOn = await listen(edge, upstream)
    await flood(edge, 2_000, i =>
      Buffer.concat([frame(types.headers, END_HEADERS, stream(i), post), provoke(stream(i))])
    )
    const connections = await connectionsOf(edge, upstream)
    t.ok(connections <= MOST, `${name}: the upstream saw ${connections} connections`)
    t.ok(await goesOn(), `${name}: the stream of somebody else lives`)
  }
})

t.test('malformed heads are not refused for ever: their connection ends', async t => {
  const { upstream, edge } = await start(t)
  const bad = literal([...pseudo, ['X-Upper', 'b']])
  await flood(edge, 5_000, i => frame(types.headers, END_STREAM | END_HEADERS, stream(i), bad))
  t.equal(upstream.received(), '')
})

t.test('a flood of CONTINUATION ends its connection before it fills the memory', async t => {
  const { upstream, edge } = await start(t)
  const part = literal([['x-a', 'a'.repeat(1_000)]])
  const client = await flood(edge, 20_000, i =>
    i === 0 ? frame(types.headers, END_STREAM, 1, get) : frame(types.continuation, 0, 1, part)
  )
  t.ok(client.socket.bytesWritten < 10_000_000)
  t.equal(upstream.received(), '')
})

t.test('a flood of empty CONTINUATION ends its connection too', async t => {
  const { upstream, edge } = await start(t)
  await flood(edge, 20_000, i => (i === 0 ? frame(types.headers, END_STREAM, 1, get) : frame(types.continuation, 0, 1)))
  t.equal(upstream.received(), '')
})

t.test('a bomb of indexed fields ends before it is forwarded', async t => {
  const { upstream, edge } = await start(t)
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  // One field of 4,000 bytes into the dynamic table, then one byte for each time that it is meant again.
  const entry = Buffer.concat([
    Buffer.of(0x40, 3),
    Buffer.from('x-a'),
    Buffer.of(127, 161, 30),
    Buffer.alloc(4_000, 'a')
  ])
  const bomb = Buffer.concat([get, entry, Buffer.alloc(12_000, 0xbe)])
  client.write(types.headers, END_STREAM | END_HEADERS, 1, bomb)
  t.match(await client.verdict(1), /^(?:431|refused)$/)
  t.equal(upstream.received(), '')
  client.socket.destroy()
})

const idle: Record<string, (i: number) => Buffer> = {
  'SETTINGS of many entries': () => frame(types.settings, 0, 0, Buffer.alloc(15_000, Buffer.of(0, 4, 0, 1, 0, 0))),
  PRIORITY: i => frame(types.priority, 0, stream(i), Buffer.from([0, 0, 0, 0, 1])),
  'frames of an unknown type': () => frame(0x77, 0, 0, Buffer.alloc(100)),
  'empty DATA': i => (i === 0 ? frame(types.headers, END_HEADERS, 1, post) : frame(types.data, 0, 1)),
  'RST_STREAM again and again': i =>
    i === 0 ? frame(types.headers, END_STREAM | END_HEADERS, 1, get) : frame(types.reset, 0, 1, CANCEL)
}

t.test('frames that cost us and not the client are borne to a limit only', async t => {
  const { upstream, edge } = await start(t)
  const goesOn = await listen(edge, upstream)
  for (const [name, piece] of Object.entries(idle)) {
    const client = await flood(edge, 100_000, piece)
    t.ok(client.frames.length < 2_000, `${name}: closed after ${client.frames.length} frames of ours`)
  }
  t.ok(await goesOn(), 'the stream of somebody else lives')
})

t.test('answers that nobody reads are not piled up: who floods PING or SETTINGS without reading is cut', async t => {
  const { edge } = await start(t)
  for (const type of [types.ping, types.settings]) {
    const client = new H2Frames(await connectRaw(edge, 'h2'))
    await client.frame(({ type }) => type === types.settings)
    client.socket.pause()
    const closed = closing(client.socket)
    const many = Buffer.concat(Array<Buffer>(100).fill(frame(type, 0, 0, Buffer.alloc(type === types.ping ? 8 : 0))))
    let sent = 0
    for (; sent < 100_000 && !client.isClosed; sent += 100) {
      client.socket.write(many)
      await new Promise(resolve => setImmediate(resolve))
    }
    await closed
    t.ok(sent < 50_000, `cut after ${sent} frames at most`)
  }
})
