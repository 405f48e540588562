import t from 'tap'
import { startEdgePair } from '../../doubles/edge-pair.ts'
import { ask } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

t.test(
  'when the other server goes, a kept line is not taken for a new request: the answer comes within the patience',
  async t => {
    const web = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb'))
    const common =
      'domains: [localhost]\nlisten: { http: "127.0.0.1:0", https: "127.0.0.1:0" }\nroutes: [{ path: /, upstream: web }]\n'
    const { frontend, backend } = await startEdgePair(t, {
      frontend: `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`,
      backend: `server: backend\n${common}upstreams: { web: { origin: "${web.origin}" } }\n`
    })
    t.match(await ask(t, frontend, 'h1'), { status: 200 })
    await backend.edge.stop()
    await frontend.line(({ message }) => message === 'the link is down')
    t.match(await ask(t, frontend, 'h1'), { status: 503, body: /LINK_DOWN/ })
    t.match(frontend.edge.status().upstreams, [{ slot: 'peer', inFlight: 0, connections: 0 }])
  }
)
