import { createServer, type Server } from 'node:net'
import t, { type Test } from 'tap'
import type { RunningEdge } from '../../doubles/edge.ts'
import { type EdgePair, startEdgePair } from '../../doubles/edge-pair.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes: [{ path: /, upstream: web }]
`

/** An upstream on a port of its own, that comes and goes, and counts what it was asked. */
interface Local {
  readonly port: number
  asked: string[]
  start(): Promise<void>
  stop(): Promise<void>
}

async function local(t: Test, name: string): Promise<Local> {
  let server: Server
  const sockets = new Set<{ destroy(): void }>()
  const asked: string[] = []
  let port = 0
  const start = async (): Promise<void> => {
    server = createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('data', chunk => {
        const path = /^\w+ (\S+) HTTP/.exec(String(chunk))?.[1] ?? ''
        if (path !== '/health') asked.push(path)
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
      })
    })
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
    port = (server.address() as { port: number }).port
  }
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  }
  await start()
  t.teardown(() => stop().catch(() => {}))
  return { port, asked, start, stop }
}

const health = ', health: { path: /health, every: 50ms, fails: 1 }'
/** It does not notice within the test. */
const blind = ', health: { path: /health, every: 600s }'

async function startSite(t: Test, watched: string): Promise<EdgePair & { one: Local; two: Local }> {
  const [one, two] = [await local(t, 'one'), await local(t, 'two')]
  const web = ({ port }: Local): string =>
    `upstreams: { web: { origin: "http://127.0.0.1:${port}"${watched}, else: peer } }\n`
  const pair = await startEdgePair(t, {
    frontend: `server: frontend\n${common}${web(one)}`,
    backend: `server: backend\n${common}${web(two)}`
  })
  for (const [edge, other] of [
    [pair.frontend, pair.backend],
    [pair.backend, pair.frontend]
  ] as const) {
    await heardOf(edge, other)
  }
  return { ...pair, one, two }
}

/** Each knows what the other has. */
async function heardOf(edge: RunningEdge, other: RunningEdge): Promise<void> {
  const server = other.edge.config.server
  for (let i = 0; i < 1_000 && edge.edge.link.status().report?.server !== server; i++) {
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

for (const protocol of protocols) {
  t.test(`while it is down here, requests go there; once it is back, they stay (${protocol})`, async t => {
    const site = await startSite(t, health)
    t.match(await ask(t, site.frontend, protocol), { status: 200, body: 'one' })
    await site.one.stop()
    await site.frontend.line(({ message }) => message === 'upstream is down')
    t.match(await ask(t, site.frontend, protocol, { path: '/a' }), { status: 200, body: 'two' })
    const posted = { method: 'POST', path: '/b', body: 'x' }
    t.match(
      await ask(t, site.frontend, protocol, posted),
      { status: 200, body: 'two' },
      'bodies too: nothing was sent yet'
    )
    await site.one.start()
    await site.frontend.line(({ message }) => message === 'upstream is up again')
    t.match(await ask(t, site.frontend, protocol, { path: '/c' }), { status: 200, body: 'one' })
    t.same(site.two.asked, ['/a', '/b'])
  })

  t.test(`who is refused here is sent there, once; with a body he is not (${protocol})`, async t => {
    const site = await startSite(t, blind)
    await site.one.stop()
    t.match(await ask(t, site.frontend, protocol, { path: '/a' }), { status: 200, body: 'two' })
    t.match(await ask(t, site.frontend, protocol, { method: 'POST', path: '/b', headers: ['content-length', '0'] }), {
      status: 200
    })
    t.match(await ask(t, site.frontend, protocol, { method: 'POST', path: '/c', body: 'x' }), { status: 502 })
    t.same([site.one.asked, site.two.asked], [[], ['/a', '/b']])
  })
}

t.test('what came from the other server does not go back, refused or down', async t => {
  for (const watched of [blind, health]) {
    const site = await startSite(t, watched)
    await Promise.all([site.one.stop(), site.two.stop()])
    if (watched === health) await site.backend.line(({ message }) => message === 'upstream is down')
    const answer = await ask(t, site.frontend, 'h1')
    t.ok(answer.status === 502 || answer.status === 503, `${answer.status}`)
    const came = site.frontend.lines.filter(({ message, path }) => message === 'request' && path === '/')
    t.ok(came.length <= 1, 'asked here once')
  }
})
