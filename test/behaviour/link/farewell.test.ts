// What an edge that leaves the link still owes the other one: nothing that was asked is done twice.
import t, { type Test } from 'tap'
import { connectRaw, readUntil, startEdge } from '../../doubles/edge.ts'
import { pair, startEdgePair } from '../../doubles/edge-pair.ts'
import { ask } from '../../doubles/foreign-client.ts'
import { Relay } from '../../doubles/line/relay.ts'
import { freePorts } from '../../doubles/ports.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes: [{ path: /, upstream: web }]
`
const frontend = `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`
const backend = (origin: string): string => `server: backend\n${common}upstreams: { web: { origin: "${origin}" } }\n`
const linkTo = (listen: number, peer: number): string =>
  `link: { listen: "127.0.0.1:${listen}", peer: "127.0.0.1:${peer}" }\n`

/** A stream ends when it is told to; the first order is never answered; all else is at once. */
async function startWeb(t: Test): Promise<RawUpstream> {
  let orders = 0
  return startRawUpstream(t, (socket, text) => {
    if (text.startsWith('POST /order') && orders++ === 0) return
    if (text.startsWith('GET /stream')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n')
    } else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  })
}

t.test('an order that is under way when the link is taken away, lost and put back is carried out once', async t => {
  const web = await startWeb(t)
  const [one, two] = (await freePorts(2)) as [number, number]
  const relay = await Relay.start(t, () => two)
  const here = await startEdge(t, `${frontend}${linkTo(one, relay.port)}`)
  const linked = `${backend(web.origin)}${linkTo(two, one)}`
  const there = await startEdge(t, linked)
  await pair(here, there)
  await here.line(({ message }) => message === 'the link is up')
  const told = ask(t, here, 'h1', { method: 'POST', path: '/order', headers: ['content-length', '0'] })
  await web.seen('POST /order')
  // Before the other end has said that it has the request.
  relay.stall()
  for (const yaml of [backend(web.origin), linked]) {
    there.setYaml(yaml)
    await there.edge.reload()
  }
  relay.goOn()
  relay.cut()
  t.match(await told, { status: 502 }, 'who asked is told that nobody knows')
  t.equal(web.received().split('POST /order').length - 1, 1)
})

t.test('while an edge ends, what is under way over the link goes on, and what comes waits for the next', async t => {
  const web = await startWeb(t)
  const site = await startEdgePair(t, {
    frontend,
    backend: backend(web.origin).replace('upstreams', 'grace: 20s\nupstreams')
  })
  const reader = await connectRaw(site.frontend)
  reader.write('GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readUntil(reader, 'data: first\n\n')
  const stopped = site.backend.edge.stop()
  const answer = await ask(t, site.frontend, 'h1', { method: 'POST', path: '/new', body: 'x' })
  t.match(answer, { status: 503, body: /LINK_DOWN/ }, 'it was sent to nobody')
  web.connections.find(({ destroyed }) => !destroyed)!.write('data: last\n\n')
  await readUntil(reader, 'data: last\n\n')
  for (const socket of web.connections) socket.end()
  await stopped
  reader.destroy()
})
