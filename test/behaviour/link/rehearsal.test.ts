import t from 'tap'
import { connectRaw, readUntil } from '../../doubles/edge.ts'
import { startEdgePair } from '../../doubles/edge-pair.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes: [{ path: /, upstream: web }]
`

t.test('once the link is open, the way to the other server is tried before users do: as a probe there', async t => {
  const web = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  const health = 'health: { path: /login, every: 1h }'
  const { backend } = await startEdgePair(t, {
    frontend: `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`,
    backend: `server: backend\n${common}upstreams: { web: { origin: "${web.origin}", ${health} } }\n`
  })
  // Its own probe says who it is; the other is a request as any other, by the way that users' requests come.
  await web.seen('x-request-id: rehearsal\r\n')
  t.match(
    web.received(),
    /GET \/login HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n(?:[^\r]+\r\n)*x-request-id: rehearsal\r\n/
  )
  t.notMatch(web.received(), /\.link/)
  t.match(await backend.line(({ id }) => id === 'rehearsal'), { status: 200, upstream: 'web' })
})

t.test('what does not come back well is told of', async t => {
  const web = await startRawUpstream(t, socket => socket.write('HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno'))
  const { frontend } = await startEdgePair(t, {
    frontend: `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`,
    backend: `server: backend\n${common}upstreams: { web: { origin: "${web.origin}", health: { path: /login, fails: 1000 } } }\n`
  })
  const told = await frontend.line(({ message }) => message === 'the link works, but')
  t.match(told, { code: 'LINK_PEER_REFUSED', detail: 'web: 500' })
})

t.test('a user who asks for its path is a user as any other: the path stays as it is', async t => {
  const web = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  const { frontend } = await startEdgePair(t, {
    frontend: `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`,
    backend: `server: backend\n${common}upstreams: { web: { origin: "${web.origin}", health: { path: /secret, every: 1h } } }\n`
  })
  const user = await connectRaw(frontend)
  user.write('GET /.link/health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readUntil(user, '\r\n\r\nok')
  t.match(web.received(), 'GET /.link/health HTTP/1.1\r\nhost: localhost\r\n')
  user.destroy()
})
