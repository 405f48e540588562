import t from 'tap'
import { type EdgePair, startEdgePair } from '../../doubles/edge-pair.ts'
import { ask, protocols, valuesOf } from '../../doubles/foreign-client.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes:
  - { path: /api/, upstream: api }
  - { path: /, upstream: web }
`

interface Site extends EdgePair {
  readonly api: RawUpstream
  readonly web: RawUpstream
}

async function startSite(t: Parameters<typeof startRawUpstream>[0]): Promise<Site> {
  const api = await startRawUpstream(t, (socket, text) => {
    if (/\r\n\r\n/.test(text)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Api: 1\r\n\r\napi')
  })
  const web = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb'))
  const pair = await startEdgePair(t, {
    frontend: `server: frontend\n${common}upstreams: { api: { origin: peer }, web: { origin: "${web.origin}" } }\n`,
    backend: `server: backend\n${common}upstreams: { api: { origin: "${api.origin}" }, web: { origin: peer } }\n`
  })
  return { ...pair, api, web }
}

for (const protocol of protocols) {
  t.test(`each edge reaches what the other one runs (${protocol})`, async t => {
    const site = await startSite(t)
    t.match(await ask(t, site.frontend, protocol, { path: '/api/v1' }), { status: 200, body: 'api' })
    t.match(await ask(t, site.frontend, protocol), { status: 200, body: 'web' })
    t.match(await ask(t, site.backend, protocol, { path: '/api/v1' }), { status: 200, body: 'api' })
    t.match(await ask(t, site.backend, protocol), { status: 200, body: 'web' })
  })
}

t.test('who asked, under which name and id, is told across the link, and nothing of the link is', async t => {
  const { frontend, api } = await startSite(t)
  const stranger = ['x-twinedge-upstream', 'web', 'x-real-ip', '6.6.6.6', 'x-forwarded-for', '6.6.6.6']
  const answer = await ask(t, frontend, 'h1', { path: '/api/who?a=%2f', headers: [...stranger, 'cookie', 'a=1'] })
  const id = valuesOf(answer.headers, 'x-request-id')[0]!
  const head = api.received()
  t.match(head, /^GET \/api\/who\?a=%2f HTTP\/1\.1\r\nhost: localhost\r\n/)
  t.match(head, /\r\nx-real-ip: 127\.0\.0\.1\r\nx-forwarded-for: 127\.0\.0\.1\r\nx-forwarded-proto: https\r\n/)
  t.match(head, `\r\nx-request-id: ${id}\r\n`)
  t.match(head, '\r\ncookie: a=1\r\n')
  t.notMatch(head, /twinedge-upstream|6\.6\.6\.6/)
  const line = await frontend.line(line => line.id === id)
  t.match(line, { upstream: 'api', slot: 'peer', status: 200 })
})

t.test('before anybody has asked, sixteen lines stand ready in each direction', async t => {
  const { frontend, backend } = await startSite(t)
  for (const { edge } of [frontend, backend]) {
    const { lines } = edge.link.status()
    t.equal(lines.wanted, 16)
    // The rest of them are under way; the test's own timeout bounds it.
    while (edge.link.status().lines.spare < 16) await new Promise(resolve => setTimeout(resolve, 10))
  }
})
