import type { Socket } from 'node:net'
import t from 'tap'
import { connectRaw, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { malformedBodies } from '../../fixtures/malformed-requests.ts'

/** Its end, clean or by a reset. */
function closing(socket: Socket): Promise<unknown> {
  return new Promise(resolve => socket.once('close', resolve))
}

const HEAD = 'POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n'

t.test(
  'a chunked body that goes wrong is never completed at the upstream, and nothing behind it is a request',
  async t => {
    const heard: string[] = []
    const upstream = await startRawUpstream(t, (_socket, text, connection) => {
      heard[connection] = (heard[connection] ?? '') + text
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    t.ok(malformedBodies.length > 30, `${malformedBodies.length} rows`)
    for (const [row, { name, bytes }] of malformedBodies.entries()) {
      const client = await connectRaw(edge)
      client.write(HEAD.replace('/body', `/body-${row}`))
      await upstream.seen(`POST /body-${row} `)
      const closed = closing(upstream.connections[row]!)
      client.write(bytes, 'latin1')
      t.match(await readAll(client), /^HTTP\/1\.1 400 .*\r\nconnection: close\r\n/s, name)
      await closed
      t.equal(heard[row]?.split('HTTP/1.1\r\n').length, 2, `${name}: the upstream heard one request`)
      t.notMatch(heard[row], /\r\n0\r\n/, `${name}: and not the end of its body`)
    }
    t.equal(
      upstream.connections.length,
      malformedBodies.length,
      'each connection to the upstream died with its request'
    )
  }
)

t.test('a body that goes wrong after the answer began aborts the answer', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.includes('hello')) socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  const answer = readAll(client)
  client.once('data', () => client.write('xyz\r\n'))
  client.write(`${HEAD}5\r\nhello\r\n`)
  t.match(await answer, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n2\r\nhi\r\n$/s, 'without the last chunk that would end it')
  t.notMatch(upstream.received(), 'xyz')
})

t.test('a client that leaves in the middle of its body never completes it', async t => {
  for (const framing of ['Transfer-Encoding: chunked', 'Content-Length: 20']) {
    const upstream = await startRawUpstream(t, () => {})
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    const client = await connectRaw(edge)
    client.write(`POST /body HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n5\r\nhello\r\n`)
    await upstream.seen('hello')
    const closed = closing(upstream.connections[0]!)
    client.end()
    await closed
    t.notMatch(upstream.received(), '\r\n0\r\n', framing)
  }
})

t.test('trailers that would steer a request are not passed on; others are', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.includes('\r\n0\r\n')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  const forbidden = [
    'Content-Length: 5',
    'Content_Length: 5',
    'Transfer-Encoding: chunked',
    'Host: evil.test',
    'Connection: close',
    'Authorization: Basic eDp5',
    'Cookie: a=b',
    'X-Forwarded-For: 192.0.2.1',
    'X_Forwarded_For: 192.0.2.1',
    'X-Real-IP: 192.0.2.1',
    'X-Request-Id: stolen-id',
    'X-Middleware-Subrequest: middleware',
    'X_Middleware_Subrequest: middleware',
    'X-Original-URL: /admin',
    'X-Rewrite-URL: /admin',
    'X-Twinedge-Upstream: api',
    'X_Twinedge_Upstream: api',
    'Next-Resume: 1'
  ]
  client.write(`${HEAD.replace('chunked', 'chunked\r\nConnection: close')}0\r\n${forbidden.join('\r\n')}\r\n`)
  client.write('X-Checksum: abc\r\n\r\n')
  t.match(await readAll(client), /^HTTP\/1\.1 204 /)
  t.ok(upstream.received().endsWith('\r\n0\r\nx-checksum: abc\r\n\r\n'), upstream.received())
})
