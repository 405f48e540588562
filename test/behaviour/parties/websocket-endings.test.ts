import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

const MIB = 1024 * 1024
const upgrade =
  'GET /web/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\n'
const agreed =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: b\r\n\r\n'

interface Pair {
  readonly edge: RunningEdge
  readonly web: RawUpstream
}

/** @param behind what the upstream sends in one piece with its 101 */
async function start(t: Test, behind = '', route = ''): Promise<Pair> {
  const web = await startRawUpstream(t, (socket, text) => {
    if (text.startsWith('GET ')) socket.write(agreed + behind, 'latin1')
  })
  return { web, edge: await startEdge(t, yamlFor({ web: web.origin }, '', route)) }
}

const nothingLeft = async ({ edge, web }: Pair): Promise<void> => {
  await until(() => edge.edge.status().inFlight === 0, 'nothing is in flight')
  await until(() => edge.edge.status().connections === 0, 'no client is connected')
  await until(() => web.connections.every(socket => socket.destroyed), 'no upstream is connected')
}

t.test('the agreement arrives as the upstream wrote it', async t => {
  const { edge, web } = await start(t)
  const client = await connectRaw(edge)
  client.write(upgrade)
  const head = await readUntil(client, '\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  t.match(head, /^connection: upgrade\r$/im)
  t.match(head, /^upgrade: websocket\r$/im)
  t.match(head, /^sec-websocket-accept: b\r$/im)
  t.match(web.received(), /^sec-websocket-key: a\r\nsec-websocket-version: 13\r\n/m)
})

t.test('bytes right behind the request and right behind the 101 arrive, once and in order', async t => {
  const pair = await start(t, 'hello-client')
  const client = await connectRaw(pair.edge)
  client.write(`${upgrade}hello-upstream`)
  t.match(await readUntil(client, 'hello-client'), /\r\n\r\nhello-client$/)
  client.write(',and-more')
  await pair.web.seen('hello-upstream,and-more')
  t.equal(pair.web.received().split('hello-upstream').length, 2)
  client.destroy()
  await nothingLeft(pair)
})

t.test('a client that vanishes in silence closes the upstream at once', async t => {
  const pair = await start(t)
  for (const leave of [(raw: Socket) => raw.destroy(), (raw: Socket) => raw.resetAndDestroy()]) {
    const raw = connectTcp(pair.edge.httpsPort, '127.0.0.1').on('error', () => {})
    const client = connectTls({ socket: raw, servername: 'localhost', ca: pair.edge.ca }).on('error', () => {})
    client.write(upgrade)
    await readUntil(client, '\r\n\r\n')
    const gone = once(pair.web.connections.at(-1)!, 'close')
    leave(raw)
    await gone
    await nothingLeft(pair)
  }
})

t.test('an upstream that hangs up closes the client, after what it had still sent', async t => {
  const pair = await start(t)
  for (const leave of [(socket: Socket) => socket.end('last words'), (socket: Socket) => socket.resetAndDestroy()]) {
    const client = await connectRaw(pair.edge)
    client.write(upgrade)
    await readUntil(client, '\r\n\r\n')
    const rest = readAll(client)
    leave(pair.web.connections.at(-1)!)
    t.match(await rest, pair.web.connections.length === 1 ? 'last words' : '')
    await nothingLeft(pair)
  }
})

t.test("the route's idle time ends a silent socket, and no other", async t => {
  const pair = await start(t, '', ', idle: 1s')
  const [silent, busy] = [await connectRaw(pair.edge), await connectRaw(pair.edge)]
  for (const client of [silent, busy]) {
    client.write(upgrade)
    await readUntil(client, '\r\n\r\n')
  }
  const talking = setInterval(() => busy.write('.'), 200)
  t.teardown(() => clearInterval(talking))
  const began = performance.now()
  await readAll(silent)
  t.ok(performance.now() - began > 900)
  t.notOk(busy.closed, 'bytes of the client alone keep it open')
  const line = await pair.edge.line(({ status }) => status === 101)
  t.match(line, { ended: 'complete', level: 'info' }, 'nobody did wrong')
  clearInterval(talking)
  busy.destroy()
  await nothingLeft(pair)
})

t.test('neither side fills the memory of the edge when the other reads nothing', async t => {
  const pair = await start(t)
  const client = await connectRaw(pair.edge)
  client.write(upgrade)
  await readUntil(client, '\r\n\r\n')
  const upstream = pair.web.connections[0]!

  client.pause()
  const toClient = await fill(upstream)
  t.ok(toClient < 32 * MIB, `${toClient} bytes went out to a client that reads nothing`)
  upstream.pause()
  const toUpstream = await fill(client)
  t.ok(toUpstream < 32 * MIB, `${toUpstream} bytes went out to an upstream that reads nothing`)

  let got = 0
  client.on('data', chunk => {
    got += chunk.length
  })
  client.resume()
  await until(() => got >= toClient, 'what was sent, once it is read')
  client.destroy()
  upstream.destroy()
  await nothingLeft(pair)
})

/** Writes until the other side has taken nothing for half a second. @returns how much it took */
async function fill(socket: Socket): Promise<number> {
  const block = Buffer.alloc(MIB)
  let sent = 0
  for (let more = true; more && sent < 64 * MIB; ) {
    sent += block.length
    if (socket.write(block)) continue
    const stopped = new Promise<false>(resolve => setTimeout(() => resolve(false), 500))
    more = await Promise.race([once(socket, 'drain').then(() => true), stopped])
  }
  return sent
}

t.test('bytes for an upstream that has hung up keep nothing in flight', { timeout: 30_000 }, async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.allowHalfOpen = true
  client.write(upgrade)
  await readUntil(client, '\r\n\r\n')
  const trickling = setInterval(() => client.write('.'), 200)
  t.teardown(() => clearInterval(trickling))
  await edge.line(({ status }) => status === 101)
  t.equal(edge.edge.status().inFlight, 0)
})
