import t from 'tap'
import { connectRaw, readUntil } from '../../doubles/edge.ts'
import { startEdgePair } from '../../doubles/edge-pair.ts'
import { ask } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes: [{ path: /, upstream: web }]
`
const streamHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n'

for (const who of ['frontend', 'backend'] as const) {
  t.test(`the ${who} forgets a key that may be stolen: nothing passes any more, new or under way`, async t => {
    const web = await startRawUpstream(t, (socket, text) => {
      const isStream = text.startsWith('GET /stream')
      socket.write(isStream ? streamHead : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
    const site = await startEdgePair(t, {
      frontend: `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`,
      backend: `server: backend\n${common}upstreams: { web: { origin: "${web.origin}" } }\n`
    })
    t.match(await ask(t, site.frontend, 'h1'), { status: 200 })
    const reader = await connectRaw(site.frontend)
    reader.on('error', () => {})
    reader.write('GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await readUntil(reader, 'data: first\n\n')
    const other = who === 'frontend' ? site.backend : site.frontend
    const { fingerprint } = other.edge.link.status().keys.own
    let came = ''
    reader.on('data', chunk => {
      came += String(chunk)
    })
    await site[who].edge.link.pair({ fingerprint, forget: true })
    web.connections.at(-1)!.write('data: secret\n\n')
    t.match(await ask(t, site.frontend, 'h1'), { status: 503, body: /LINK_DOWN/ })
    t.notMatch(came, /secret/)
    reader.destroy()
    t.equal(web.received().split('GET / ').length - 1, 1)
  })
}
