import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { openH2 } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
const AT_ONCE_MS = 1_000

/** Opens a stream; the answer is a function that leaves it. @param isAnswered wait for the head first */
type Opener = (t: Test, edge: RunningEdge, isAnswered: boolean) => Promise<() => void>

async function openOnH2(session: ClientHttp2Session, isAnswered: boolean): Promise<ClientHttp2Stream> {
  const stream = session.request({ ':method': 'POST', ':path': '/stream', ':authority': 'localhost' })
  stream.on('error', () => {})
  stream.resume()
  stream.end('{}')
  if (isAnswered) await new Promise<void>(resolve => stream.once('response', () => resolve()))
  return stream
}

const leavers: Record<string, Opener> = {
  'closes its HTTP/1.1 connection': async (_t, edge, isAnswered) => {
    const client = await connectRaw(edge)
    client.write('POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}')
    if (isAnswered) await readUntil(client, '\r\n\r\n')
    return () => client.end()
  },
  'loses its HTTP/1.1 connection': async (t, edge, isAnswered) => {
    const tcp = (await import('node:net')).connect(edge.httpsPort, '127.0.0.1')
    const client = connectTls({ socket: tcp, servername: 'localhost', ca: edge.ca })
    client.on('error', () => {})
    t.teardown(() => tcp.destroy())
    client.write('POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}')
    if (isAnswered) await readUntil(client, '\r\n\r\n')
    return () => tcp.resetAndDestroy()
  },
  'resets its HTTP/2 stream': async (t, edge, isAnswered) => {
    const stream = await openOnH2(await openH2(t, edge), isAnswered)
    return () => stream.close(8 /* CANCEL */)
  },
  'closes its HTTP/2 connection': async (t, edge, isAnswered) => {
    const session = await openH2(t, edge)
    await openOnH2(session, isAnswered)
    return () => session.destroy()
  }
}

for (const [what, open] of Object.entries(leavers)) {
  for (const isAnswered of [true, false]) {
    const when = isAnswered ? 'in the silence of a stream' : 'before it was answered'
    t.test(`a client that ${what} ${when} closes the upstream at once`, async t => {
      const closed = Promise.withResolvers<number>()
      const asked = Promise.withResolvers<void>()
      const upstream = await startRawUpstream(t, (socket: Socket) => {
        if (isAnswered) socket.write(HEAD)
        socket.once('close', () => closed.resolve(performance.now()))
        asked.resolve()
      })
      const edge = await startEdge(t, yamlFor({ api: upstream.origin }, '', ', stream: true, idle: 600s'))
      const leave = await open(t, edge, isAnswered)
      await asked.promise
      await upstream.seen('{}')
      const leftMs = performance.now()
      leave()
      t.ok((await closed.promise) - leftMs < AT_ONCE_MS)
      t.match(await edge.line(line => line.path === '/stream'), { code: 'EDGE_CLIENT_CLOSED', ended: 'client' })
      t.equal(edge.edge.status().inFlight, 0, 'nothing stays in flight')
      t.equal(edge.edge.status().upstreams[0]?.connections, 0)
    })
  }
}

t.test('one HTTP/2 stream that is left takes no other with it', async t => {
  const sockets: Record<string, Socket> = {}
  const upstream = await startRawUpstream(t, (socket, text) => {
    const name = /^GET \/(\w+)/.exec(text)?.[1]
    if (name !== undefined) sockets[name] = socket
    socket.write(HEAD)
  })
  const edge = await startEdge(t, yamlFor({ api: upstream.origin }, '', ', stream: true'))
  const session = await openH2(t, edge)
  const [left, kept] = ['left', 'kept'].map(name => {
    const stream = session.request({ ':path': `/${name}`, ':authority': 'localhost' })
    stream.on('error', () => {})
    return stream
  })
  await Promise.all([left, kept].map(stream => new Promise(resolve => stream!.once('response', resolve))))
  const closed = new Promise(resolve => sockets.left!.once('close', resolve))
  left!.close(8)
  await closed
  const event = new Promise(resolve => kept!.once('data', data => resolve(String(data))))
  sockets.kept!.write('9\r\ndata: 1\n\n\r\n')
  t.equal(await event, 'data: 1\n\n')
})
