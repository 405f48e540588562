import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import t, { type Test } from 'tap'
import { type RunningEdge, startEdge } from '../../doubles/edge.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { Issuer } from '../../fixtures/certificates.ts'

// Edges believe each other's certificates, as they would those of a public authority.
const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const issuer = await Issuer.make(folder)
const { cert, key } = await issuer.files('localhost', ['localhost'])
setDefaultCACertificates([...getCACertificates(), issuer.root.cert])

const NOWHERE = 'https://localhost:9'

/** An edge, and how to tell it later where its upstreams are: an edge's port is known once it runs. */
async function start(t: Test): Promise<RunningEdge & { send(web: string, api?: string): Promise<void> }> {
  const yaml = (web: string, api: string): string => `server: single
domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
tls: { mode: files, certificates: [{ cert: "${cert}", key: "${key}" }] }
upstreams: { web: { origin: "${web}" }, api: { origin: "${api}" } }
routes: [{ path: /, upstream: web }, { path: /api/, upstream: api }]
`
  const edge = await startEdge(t, yaml(NOWHERE, NOWHERE))
  const send = async (web: string, api = NOWHERE): Promise<void> => {
    edge.setYaml(yaml(web, api))
    await edge.edge.reload()
  }
  return { ...edge, ca: issuer.root.cert, send }
}

const originOf = ({ httpsPort }: RunningEdge): string => `https://localhost:${httpsPort}`
/** The lines of requests. */
const requests = ({ lines }: RunningEdge): Record<string, unknown>[] =>
  lines.filter(({ method }) => method !== undefined)

for (const protocol of protocols) {
  t.test(`two edges that point at each other end a request after one round (${protocol})`, async t => {
    const [one, other] = [await start(t), await start(t)]
    await one.send(originOf(other))
    await other.send(originOf(one))
    const began = performance.now()
    const answer = await ask(t, one, protocol, { path: '/round?and=round' })
    t.ok(performance.now() - began < 2_000, 'at once')
    t.match(answer, { status: 508, body: /"code":"LINK_LOOP"/ })
    const last = await one.line(({ code }) => code === 'LINK_LOOP')
    t.match(last, {
      status: 508,
      ended: 'edge',
      level: 'error',
      detail: /^web leads back to this edge/,
      next: /twinedge link/
    })
    await one.line(({ status, code }) => status === 508 && code === undefined)
    t.same([requests(one).length, requests(other).length], [2, 1], 'there, back, and no further')
  })
}

t.test('an edge that points at itself ends a request the first time that it comes back', async t => {
  const edge = await start(t)
  await edge.send(originOf(edge))
  t.match(await ask(t, edge, 'h1', { method: 'POST', body: 'x' }), { status: 508, body: /LINK_LOOP/ })
  await edge.line(({ status, code }) => status === 508 && code === undefined)
  t.equal(requests(edge).length, 2)
})

t.test('what passes two edges on its way passes, known by both, and by whom it passed before', async t => {
  const upstream = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'))
  const [one, other] = [await start(t), await start(t)]
  await other.send(upstream.origin)
  await one.send(originOf(other))
  t.match(await ask(t, one, 'h1', { headers: ['CDN-Loop', 'cdn.example', 'Connection', 'cdn-loop'] }), {
    status: 200,
    body: 'hi'
  })
  const id = 'twinedge-[0-9a-f]{8};upstream=web'
  t.match(
    upstream.received(),
    new RegExp(`(cdn-loop: )cdn\\.example\\r\\n\\1(${id})\\r\\n[\\s\\S]*\\r\\n\\1(?!\\2)${id}\\r\\n`)
  )
})

t.test('an app may send what it got back through its edge, to another upstream', async t => {
  const api = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'))
  const edge = await start(t)
  // As a rewrite of Next.js does: the head as it came, another path.
  const web = await startRawUpstream(t, async (socket, text) => {
    const loop = /\r\ncdn-loop: (.*)\r\n/.exec(text)?.[1] ?? ''
    const { status, body } = await ask(t, edge, 'h1', { path: '/api/it', headers: ['cdn-loop', loop] })
    socket.write(`HTTP/1.1 ${status} From Below\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
  await edge.send(web.origin, api.origin)
  t.match(await ask(t, edge, 'h1'), { status: 200, body: 'hi' })
})
