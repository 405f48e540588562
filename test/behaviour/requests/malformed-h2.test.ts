import t from 'tap'
import { connectRaw, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { END_STREAM, H2Frames, pseudo } from '../../doubles/h2-frames.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { droppedFields, malformedH2 } from '../../fixtures/malformed-h2.ts'

const limits = 'limits: { head: 8k }\n'

t.test('a malformed HTTP/2 request is refused and no byte of it reaches an upstream', async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, limits))
  const rows = malformedH2.filter(row => !row.isHeadGood)
  for (const { name, bytes, verdict } of rows) {
    const client = new H2Frames(await connectRaw(edge, 'h2'))
    client.socket.write(bytes)
    t.equal(await client.verdict(1), verdict, name)
    client.socket.destroy()
  }
  t.equal(upstream.received(), '', 'nothing reached the upstream')
  t.equal(upstream.connections.length, 0, 'it was not even connected to')

  const client = new H2Frames(await connectRaw(edge, 'h2'))
  client.request(1, pseudo)
  t.equal(await client.verdict(1), 200, 'a good request is heard, so the others would have been')
  t.match(upstream.received(), /^GET \/ HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)+\r\n$/)
  client.socket.destroy()
})

t.test('an HTTP/2 body that goes wrong is never completed at the upstream', async t => {
  const upstream = await startRawUpstream(t, () => {})
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  for (const { name, bytes, verdict } of malformedH2.filter(row => row.isHeadGood)) {
    const client = new H2Frames(await connectRaw(edge, 'h2'))
    client.socket.write(bytes)
    t.equal(await client.verdict(1), verdict, name)
    client.socket.destroy()
  }
  // One more connection, so that whatever the others sent has arrived before it.
  const last = await connectRaw(edge)
  last.write('GET /last HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await upstream.seen('GET /last')
  t.notMatch(upstream.received(), 'GET /smuggled')
  t.notMatch(upstream.received(), '\r\n0\r\n', 'no body ended')
  last.end()
  await readAll(last)
})

t.test('a field of HTTP/2 that HTTP/1.1 could not write never reaches an upstream, not even in part', async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  for (const [name, field] of droppedFields) {
    const client = new H2Frames(await connectRaw(edge, 'h2'))
    client.request(1, [...pseudo, field, ['x-kept', 'b']])
    t.match(await client.verdict(1), /^(?:200|refused)$/, name)
    client.socket.destroy()
  }
  t.match(upstream.received(), 'x-kept: b\r\n')
  t.notMatch(upstream.received(), 'smuggled')
  t.equal(upstream.received().split('HTTP/1.1\r\n').length - 1, upstream.received().split('x-kept').length - 1)
})

t.test('trailers of HTTP/2 that would steer a request, or be one, are not passed on', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.includes('\r\n0\r\n')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  client.request(1, [[':method', 'POST'], ...pseudo.slice(1)], 0)
  client.request(
    1,
    [
      ['x-a', 'b\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n'],
      ['x-middleware-subrequest', 'smuggled'],
      ['content_length', '5'],
      ['host', 'smuggled'],
      ['x-checksum', 'abc']
    ],
    END_STREAM
  )
  t.equal(await client.verdict(1), 204)
  t.ok(upstream.received().endsWith('\r\n0\r\nx-checksum: abc\r\n\r\n'), upstream.received())
  client.socket.destroy()
})
