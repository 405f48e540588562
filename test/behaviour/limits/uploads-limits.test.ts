import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, openH2, type Protocol, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
const LIMIT = ', body: 1k'

/** An upload of unknown length whose pieces the test sends. */
async function openUpload(t: Test, edge: RunningEdge, protocol: Protocol) {
  if (protocol === 'h2') {
    const client = (await openH2(t, edge)).request({ ':method': 'POST', ':path': '/', ':authority': 'localhost' })
    client.on('error', () => {})
    return { client, answered: new Promise<string>(resolve => client.once('data', data => resolve(String(data)))) }
  }
  const client = await connectRaw(edge)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  return { client, answered: readAll(client) }
}

function piece(protocol: Protocol, text: string): string {
  return protocol === 'h2' ? text : `${text.length.toString(16)}\r\n${text}\r\n`
}

for (const protocol of protocols) {
  t.test(`a declared length over the limit is a 413, and the upstream sees not a byte (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write(OK))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', LIMIT))
    const body = 'x'.repeat(1_025)
    const over = await ask(t, edge, protocol, { method: 'POST', body, headers: ['content-length', '1025'] })
    t.match(over, { status: 413, body: /EDGE_BODY_TOO_LARGE/, isComplete: true })
    t.equal(upstream.connections.length, 0)
    const at = { method: 'POST', body: body.slice(1), headers: ['content-length', '1024'] }
    t.match(await ask(t, edge, protocol, at), { status: 200 }, 'the limit itself passes')
  })

  t.test(`an undeclared length over the limit is a 413, and the upstream hears of no end (${protocol})`, async t => {
    const closed = Promise.withResolvers<void>()
    const upstream = await startRawUpstream(t, socket => socket.once('close', () => closed.resolve()))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', LIMIT))
    const { client, answered } = await openUpload(t, edge, protocol)
    client.write(piece(protocol, 'a'.repeat(500)))
    await upstream.seen('a'.repeat(500))
    client.write(piece(protocol, 'b'.repeat(1_000)))
    t.match(await answered, /413|EDGE_BODY_TOO_LARGE/)
    await closed.promise
    t.notMatch(upstream.received(), '0\r\n\r\n', 'the body was not ended')
    t.notMatch(upstream.received(), 'bb', 'and what was too much did not get there')
  })
}

t.test('100 (Continue) is sent when the upstream is asked, and the body then goes there', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.includes('abc')) socket.write(`HTTP/1.1 100 Continue\r\n\r\n${OK}`)
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
  t.equal(await readUntil(client, '\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
  client.write('abc')
  t.match(await readUntil(client, '\r\n\r\nhi'), /^HTTP\/1\.1 200 OK\r\n/, "the upstream's own 100 is not a second one")
  t.notMatch(upstream.received(), /expect/i, 'the edge has answered it')
  client.destroy()

  const session = await openH2(t, edge)
  const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'localhost', expect: '100-continue' })
  await new Promise<void>(resolve => stream.once('continue', resolve))
  stream.end('abc')
  const status = await new Promise(resolve => stream.once('response', head => resolve(head[':status'])))
  t.equal(status, 200)
})

t.test('100 (Continue) is not sent for a body that nobody will read', async t => {
  const upstream = await startRawUpstream(t, socket => socket.write(OK))
  const yaml = `server: single
domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
upstreams:
  web: { origin: "${upstream.origin}" }
  down: { origin: "http://127.0.0.1:9", health: { path: /, every: 50ms, fails: 1 } }
routes:
  - { path: /web/, upstream: web, body: 1k }
  - { path: /down/, upstream: down }
`
  const edge = await startEdge(t, yaml)
  await edge.line(line => line.message === 'upstream is down')
  const refusals = [
    ['/web/', 'localhost', 2_000, 413],
    ['/none', 'localhost', 3, 404],
    ['/web/', 'other.example', 3, 421],
    ['/down/', 'localhost', 3, 503]
  ] as const
  for (const [path, host, length, status] of refusals) {
    const client = await connectRaw(edge)
    client.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`)
    t.match(await readAll(client), new RegExp(`^HTTP/1\\.1 ${status} `), 'the first and only answer')

    const session = await openH2(t, edge)
    const head = { ':method': 'POST', ':path': path, ':authority': host, 'content-length': length }
    const stream = session.request({ ...head, expect: '100-continue' })
    stream.on('error', () => {})
    stream.on('continue', () => t.fail(`a 100 before ${status}`))
    t.equal(await new Promise(resolve => stream.once('response', got => resolve(got[':status']))), status)
    session.destroy()
  }
  t.equal(upstream.received(), '')
})
