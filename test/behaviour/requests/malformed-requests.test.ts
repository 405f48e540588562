import t from 'tap'
import { connectRaw, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { malformedRequests } from '../../fixtures/malformed-requests.ts'

t.test('a malformed request is refused, its connection closed, and no byte of it reaches an upstream', async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { head-timeout: 1s, keep-alive: 1s }\n'))
  t.ok(malformedRequests.length > 80, `${malformedRequests.length} rows`)
  for (const { name, bytes, status } of malformedRequests) {
    const client = await connectRaw(edge)
    client.write(bytes, 'latin1')
    const answer = await readAll(client)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), name)
    t.match(answer, '\r\nconnection: close\r\n', `${name}: the client is told that this was its last request`)
    t.equal(answer.split('HTTP/1.1 ').length, 2, `${name}: one answer, to whatever came with it`)
  }
  t.equal(upstream.received(), '', 'nothing reached the upstream')
  t.equal(upstream.connections.length, 0, 'it was not even connected to')

  // A good request, to show that the upstream would have heard the others.
  const client = await connectRaw(edge)
  client.write('GET /good HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.match(await readAll(client), /^HTTP\/1\.1 200 OK\r\n/)
  t.match(upstream.received(), /^GET \/good HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)+\r\n$/)
})
