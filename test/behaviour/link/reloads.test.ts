import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { connectRaw, readUntil, startEdge } from '../../doubles/edge.ts'
import { pair, startEdgePair } from '../../doubles/edge-pair.ts'
import { ask } from '../../doubles/foreign-client.ts'
import { freePorts } from '../../doubles/ports.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes: [{ path: /, upstream: web }]
`
const frontend = `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`
const backend = (origin: string): string => `server: backend\n${common}upstreams: { web: { origin: "${origin}" } }\n`
const linkTo = (listen: number, peer: number, more = ''): string =>
  `link: { listen: "127.0.0.1:${listen}", peer: "127.0.0.1:${peer}"${more} }\n`

/** Streams until it is told what comes last; all else is answered by its name. */
async function startWeb(t: Test, name: string): Promise<RawUpstream> {
  return startRawUpstream(t, (socket, text) => {
    if (text.startsWith('GET /stream')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n')
    } else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
  })
}

t.test('a link that leads elsewhere: new requests go there, streams that are under way go on', async t => {
  const [web, other] = [await startWeb(t, 'old'), await startWeb(t, 'new')]
  const site = await startEdgePair(t, { frontend, backend: backend(web.origin) })
  const [port] = (await freePorts(1)) as [number]
  const third = await startEdge(t, `${backend(other.origin)}${linkTo(port, site.ports[0])}`)
  await pair(site.frontend, third)
  t.match(await ask(t, site.frontend, 'h1'), { status: 200, body: 'old' })
  const reader = await connectRaw(site.frontend)
  reader.write('GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readUntil(reader, 'data: first\n\n')
  site.frontend.setYaml(`${frontend}${linkTo(site.ports[0], port)}`)
  const ups = (): number => site.frontend.lines.filter(({ message }) => message === 'the link is up').length
  const before = ups()
  await site.frontend.edge.reload()
  t.not(site.frontend.edge.link.status().state, 'up', 'of this one nothing is known yet')
  t.equal(site.frontend.edge.link.status().roundTripMs, null, 'how far away it is neither')
  t.match(await ask(t, site.frontend, 'h1'), { status: 200, body: 'new' })
  t.ok(ups() > before)
  web.connections.at(-1)!.write('data: last\n\n')
  await readUntil(reader, 'data: last\n\n')
  reader.destroy()
})

t.test(
  'a link that is taken away: nothing new comes in, streams that are under way go on, it can come back',
  async t => {
    const web = await startWeb(t, 'web')
    const site = await startEdgePair(t, { frontend, backend: backend(web.origin) })
    t.match(await ask(t, site.frontend, 'h1'), { status: 200 })
    const reader = await connectRaw(site.frontend)
    reader.write('GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await readUntil(reader, 'data: first\n\n')
    site.backend.setYaml(backend(web.origin))
    await site.backend.edge.reload()
    await site.frontend.line(({ message }) => message === 'the link is down')
    t.match(await ask(t, site.frontend, 'h1'), { status: 503, body: /LINK_DOWN/ })
    web.connections.at(-1)!.write('data: still\n\n')
    await readUntil(reader, 'data: still\n\n')
    t.throws(() => site.backend.edge.link.status(), { code: 'LINK_OFF' })
    site.backend.setYaml(`${backend(web.origin)}${linkTo(site.ports[1], site.ports[0])}`)
    await site.backend.edge.reload()
    for (let i = 0; i < 100 && site.frontend.edge.link.status().state !== 'up'; i++) {
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    t.match(await ask(t, site.frontend, 'h1'), { status: 200, body: 'web' })
    web.connections.find(({ destroyed }) => !destroyed)
    reader.destroy()
  }
)

t.test('a port that is taken refuses the reload whole, and what ran goes on running', async t => {
  const web = await startWeb(t, 'web')
  const site = await startEdgePair(t, { frontend, backend: backend(web.origin) })
  const squatter = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => squatter.once('listening', resolve))
  t.teardown(() => squatter.close())
  const { port } = squatter.address() as { port: number }
  const before = site.backend.edge.link.status()
  site.backend.setYaml(`${backend(web.origin).replace('upstreams', 'grace: 2s\nupstreams')}${linkTo(port, 9)}`)
  await t.rejects(site.backend.edge.reload(), { code: 'EDGE_PORT_TAKEN' })
  t.match(site.backend.edge.link.status(), { state: 'up', peer: before.peer })
  t.match(await ask(t, site.frontend, 'h1'), { status: 200 })
})

t.test('who else may come in is changed without a line being lost', async t => {
  const web = await startWeb(t, 'web')
  const site = await startEdgePair(t, { frontend, backend: backend(web.origin) })
  t.match(await ask(t, site.frontend, 'h1'), { status: 200 })
  site.backend.setYaml(`${backend(web.origin)}${linkTo(site.ports[1], site.ports[0], ', from: [198.51.100.0/24]')}`)
  t.same(await site.backend.edge.reload(), { changed: ['link'] })
  // The line of the request, which is kept for the next one; those of reports come and go.
  t.ok(site.backend.edge.link.status().lines.incoming >= 1)
  t.equal(site.frontend.edge.link.status().lines.resumed, 0)
  t.equal(site.backend.edge.link.status().state, 'up')
  t.match(await ask(t, site.frontend, 'h1'), { status: 200 })
})
