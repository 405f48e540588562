import t from 'tap'
import { connectRaw, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

t.test('an answer reaches an HTTP/1.1 client as the upstream sent it', async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nhi')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.write('GET /a?b=%20"c" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const answer = await readAll(client)
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(answer, 'set-cookie: a=1\r\nset-cookie: b=2\r\n')
  t.ok(answer.endsWith('\r\n\r\nhi'))
  t.match(upstream.received(), 'GET /a?b=%20"c" HTTP/1.1\r\nhost: localhost\r\n')
})
