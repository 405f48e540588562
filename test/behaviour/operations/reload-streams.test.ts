import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectH2 } from 'node:http2'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

/** Streams, uploads and sockets whose other end the test holds. */
function startApi(t: Test): Promise<RawUpstream> {
  return startRawUpstream(t, (socket: Socket, text) => {
    if (text.startsWith('GET /api/events')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
      socket.write('7\r\nfirst\n\n\r\n')
    } else if (text.startsWith('GET /api/socket')) {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    } else if (text.endsWith('-end')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nuploaded')
    }
  })
}

/** Another file, in which neither the route nor the upstream of before is left. */
async function replaceAll(t: Test, edge: RunningEdge): Promise<void> {
  const other = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother')
  })
  edge.setYaml(yamlFor({ other: other.origin }))
  t.same((await edge.edge.reload()).changed, ['upstreams', 'routes'])
}

t.test(
  'over HTTP/1.1, a stream, an upload and a WebSocket live on when their upstream is gone from the file',
  async t => {
    const api = await startApi(t)
    const edge = await startEdge(t, yamlFor({ api: api.origin }))
    const [stream, upload, socket] = await Promise.all([connectRaw(edge), connectRaw(edge), connectRaw(edge)])
    stream.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await readUntil(stream, 'first')
    upload.write('POST /api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\nbegin-')
    await api.seen('begin-')
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n'
    socket.write(`GET /api/socket HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\n`)
    await readUntil(socket, '\r\n\r\n')
    t.equal(edge.edge.status().inFlight, 3)

    await replaceAll(t, edge)
    t.equal(edge.edge.status().inFlight, 3, 'what an upstream that left still has in flight is counted')

    api.connections[0]!.write('8\r\nsecond\n\n\r\n0\r\n\r\n')
    t.match(await readUntil(stream, '0\r\n\r\n'), 'second\n\n')
    upload.write('body--end')
    t.match(await readUntil(upload, 'uploaded'), '200 OK')
    socket.write('to the upstream')
    await api.seen('to the upstream')
    api.connections[2]!.write('to the client')
    await readUntil(socket, 'to the client')
    socket.destroy()
    await until(() => edge.edge.status().inFlight === 0, 'nothing is in flight')

    stream.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await readUntil(stream, 'other')
    t.pass('the next request on the same connection goes by the new file')
  }
)

t.test('over HTTP/2, a stream and an upload live on when their upstream is gone from the file', async t => {
  const api = await startApi(t)
  const edge = await startEdge(t, yamlFor({ api: api.origin }))
  const session = await openSession(t, edge)
  const stream = session.request({ ':path': '/api/events' })
  const seen = collect(stream)
  await until(() => seen().includes('first'), 'the first event')
  const upload = session.request({ ':path': '/api/upload', ':method': 'POST', 'content-length': '15' })
  const answer = collect(upload)
  upload.write('begin-')
  await api.seen('begin-')

  await replaceAll(t, edge)
  t.equal(edge.edge.status().inFlight, 2)

  api.connections[0]!.write('8\r\nsecond\n\n\r\n0\r\n\r\n')
  upload.end('body--end')
  await until(() => seen() === 'first\n\nsecond\n\n' && answer() === 'uploaded', 'both answers')
  const next = collect(session.request({ ':path': '/api/events' }))
  await until(() => next() === 'other', 'the next request on the same connection goes by the new file')
  t.equal(edge.edge.status().inFlight, 0)
})

async function openSession(t: Test, edge: RunningEdge): Promise<ClientHttp2Session> {
  const socket = await connectRaw(edge, 'h2')
  const session = connectH2('https://localhost', { createConnection: () => socket })
  t.teardown(() => session.destroy())
  return session
}

function collect(stream: ClientHttp2Stream): () => string {
  let text = ''
  stream.on('data', chunk => {
    text += chunk
  })
  return () => text
}
