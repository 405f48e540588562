import t from 'tap'
import { connectRaw, type RunningEdge, readUntil } from '../../doubles/edge.ts'
import { startEdgePair } from '../../doubles/edge-pair.ts'
import { ask } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes: [{ path: /, upstream: web, stream: true }]
`

/** Resolves once the peer's list of keys is this one alone: what was before is forgotten at the next word. */
async function knowsOnly({ edge }: RunningEdge, fingerprint: string): Promise<void> {
  const keys = (): string[] => edge.link.status().keys.peer.map(key => key.fingerprint)
  while (keys().length !== 1 || keys()[0] !== fingerprint) await new Promise(resolve => setTimeout(resolve, 20))
}

t.test(
  'keys change without a gap: the peer has the new one first, streams go on, the old one is forgotten',
  async t => {
    const web = await startRawUpstream(t, (socket, text) => {
      if (/^GET \/stream/.test(text))
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb')
    })
    const { frontend, backend } = await startEdgePair(t, {
      frontend: `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`,
      backend: `server: backend\n${common}upstreams: { web: { origin: "${web.origin}" } }\n`
    })
    const reader = await connectRaw(frontend)
    reader.write('GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await readUntil(reader, 'data: 1\n\n')
    const stream = web.connections.at(-1)!
    const begun = frontend.lines.length
    for (const [mine, theirs] of [
      [frontend, backend],
      [backend, frontend]
    ] as const) {
      const before = mine.edge.link.status().keys.own.fingerprint
      const { own, next } = await mine.edge.link.rotate()
      t.not(own.fingerprint, before)
      t.equal(next, null)
      t.match(await ask(t, frontend, 'h1'), { status: 200, body: 'web' })
      await knowsOnly(theirs, own.fingerprint)
      t.match(await ask(t, frontend, 'h1'), { status: 200, body: 'web' })
    }
    stream.write('data: 2\n\n')
    await readUntil(reader, 'data: 2\n\n')
    t.equal(frontend.edge.link.status().lines.resumed, 0, 'over the line that it had')
    t.notOk(frontend.lines.slice(begun).some(({ message }) => message === 'the link is down'))
    reader.destroy()
  }
)
