import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Deadlines } from '../../../proxy/deadlines.ts'
import { LinkKeys } from '../../../proxy/link/keys/link-keys.ts'
import { Budget } from '../../../proxy/link/line/outbox.ts'
import { RoundTrip } from '../../../proxy/link/line/round-trip.ts'
import { Outgoing } from '../../../proxy/link/outgoing.ts'
import { type RunningEdge, startEdge } from '../../doubles/edge.ts'
import { freePorts } from '../../doubles/ports.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

interface Peer {
  readonly edge: RunningEdge
  readonly outgoing: Outgoing
  /** Sends bytes on a line of their own. @returns all that comes back, until the line ends */
  say(text: string): Promise<string>
}

/** An edge, and lines to it from a peer that says what it likes. */
async function startPeer(t: Test, answer: string): Promise<Peer> {
  const web = await startRawUpstream(t, socket => {
    socket.write(answer)
    if (answer.includes('truncated')) socket.end()
  })
  const [port] = (await freePorts(1)) as [number]
  const edge = await startEdge(
    t,
    `server: backend
domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
link: { listen: "127.0.0.1:${port}", peer: "127.0.0.1:811" }
upstreams: { web: { origin: "${web.origin}" }, over: { origin: peer } }
routes: [{ path: /, upstream: web }, { path: /over, upstream: over }]
`
  )
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const keys = await LinkKeys.open(folder, new Date(), warning => t.fail(warning))
  await keys.pin(edge.edge.link.status().keys.own.fingerprint)
  await edge.edge.link.pair({ fingerprint: keys.current.fingerprint, forget: false })
  const wires = { instance: 'it', deadlines: new Deadlines(), roundTrip: new RoundTrip() }
  const peer = { host: '127.0.0.1', port }
  const outgoing = new Outgoing({ peer, keys, wires, budget: new Budget(1e8), onState() {} })
  t.teardown(() => outgoing.stop())
  return {
    ...{ edge, outgoing },
    async say(text) {
      const line = outgoing.take()
      let came = ''
      line.on('data', chunk => {
        came += chunk
      })
      line.write(text, 'latin1')
      await new Promise(resolve => line.once('close', resolve))
      return came
    }
  }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const ask = (path: string, more = '', version = '1.1'): string =>
  `GET ${path} HTTP/${version}\r\nHost: localhost\r\n${more}Connection: close\r\n\r\n`
const to = (upstream: string): string => `X-Twinedge-Upstream: ${upstream}\r\n`

t.test('a peer reaches what runs here, by its name; what does not, or is its own, it does not', async t => {
  const { say } = await startPeer(t, ok)
  t.match(await say(ask('/', to('web'))), /^HTTP\/1\.1 200 OK[\s\S]*ok$/)
  t.match(await say(ask('/.link/report', to('web'))), /^HTTP\/1\.1 200 OK[\s\S]*ok$/, 'a path of users, as any other')
  for (const none of ['nothing', '', '__proto__', 'WEB', 'web, over']) {
    t.match(await say(ask('/', to(none))), /^HTTP\/1\.1 404 [\s\S]*EDGE_ROUTE_NOT_FOUND/, none)
  }
  t.match(await say(ask('/', to('over'))), /^HTTP\/1\.1 50\d [\s\S]*LINK_LOOP/)
  t.match(await say(ask('/', `${to('over')}${to('web')}`)), /LINK_LOOP|40\d/, 'the first counts')
})

t.test('its own questions: those that this release knows, and nothing else', async t => {
  const { say, edge } = await startPeer(t, ok)
  t.match(await say(ask('/.link/report')), /^HTTP\/1\.1 200 OK[\s\S]*"server":"backend"/)
  for (const path of [
    '/',
    '/.link/',
    '/.link/report?a=1',
    '/.link/REPORT',
    '/.link/measure/source/99999999999',
    '/__proto__'
  ]) {
    t.match(await say(ask(path)), /^HTTP\/1\.1 404 /, path)
  }
  t.match(await say(ask('/.link/measure/source/70000')), /\r\n\r\n\0{70000}$/)
  const order = (body: string): string =>
    `POST /.link/keys HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  for (const body of ['', '{', 'null', '[]', '{}', '{"add":1}', '{"add":"SHA256:short"}', 'x'.repeat(70_000)]) {
    t.match(await say(order(body)), /^HTTP\/1\.1 [45]\d\d /, body.slice(0, 30))
  }
  const told = await edge.line(({ code }) => code === 'EDGE_USAGE')
  t.match(told, { message: 'the link works, but', detail: /add or drop/ }, 'there it is read why')
})

t.test('HTTP/1.0, and what is broken off to it; what is no HTTP; heads without end', async t => {
  const { say, edge, outgoing } = await startPeer(t, 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ntruncated')
  t.match(await say(ask('/', to('web'), '1.0')), /^(?:HTTP\/1\.1 200 OK[\s\S]*)?$/)
  t.match(await say(`${to('web')}\r\n\r\n`), /^HTTP\/1\.1 400 /)
  t.match(await say(`\0\x01\x02${'\0'.repeat(100)}\r\n\r\n`), /^HTTP\/1\.1 400 /)
  t.match(await say(`GET / HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(1_100_000)}`), /^HTTP\/1\.1 431 /)
  for (let i = 0; i < 300 && outgoing.inUse > 0; i++) await new Promise(resolve => setTimeout(resolve, 10))
  t.same([outgoing.inUse, edge.edge.link.status().lines.incoming, edge.edge.status().inFlight], [0, 0, 0])
})
