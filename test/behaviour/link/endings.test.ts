import { once } from 'node:events'
import t, { type Test } from 'tap'
import { connectRaw, readUntil } from '../../doubles/edge.ts'
import { type EdgePair, startEdgePair } from '../../doubles/edge-pair.ts'
import { ask, askH2, openH2, protocols } from '../../doubles/foreign-client.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

const common = `domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
routes: [{ path: /, upstream: web, body: 50m }]
`

interface Site extends EdgePair {
  readonly web: RawUpstream
}

async function startSite(t: Test, onData: Parameters<typeof startRawUpstream>[1]): Promise<Site> {
  const web = await startRawUpstream(t, onData)
  const pair = await startEdgePair(t, {
    frontend: `server: frontend\n${common}upstreams: { web: { origin: peer } }\n`,
    backend: `server: backend\n${common}upstreams: { web: { origin: "${web.origin}" } }\n`
  })
  return { ...pair, web }
}

const streamHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n'

/** Both edges have let go of everything that was in flight. */
async function nothingInFlight({ frontend, backend }: EdgePair): Promise<void> {
  const inFlight = (): number => frontend.edge.status().inFlight + backend.edge.status().inFlight
  for (let i = 0; i < 300 && inFlight() > 0; i++) await new Promise(resolve => setTimeout(resolve, 10))
}

for (const protocol of protocols) {
  t.test(`a client that leaves in mid-answer: the upstream over there is closed at once (${protocol})`, async t => {
    const site = await startSite(t, socket => socket.write(streamHead))
    const gone = site.web.seen('GET /left').then(() => once(site.web.connections.at(-1)!, 'close'))
    const begun = Date.now()
    if (protocol === 'h1') {
      const client = await connectRaw(site.frontend)
      client.write('GET /left HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await readUntil(client, 'data: first')
      client.destroy()
    } else {
      const session = await openH2(t, site.frontend)
      let first = (): void => {}
      const heard = new Promise<void>(resolve => (first = resolve))
      void askH2(session, { path: '/left', onData: () => first() })
      await heard
      session.destroy()
    }
    await gone
    t.ok(Date.now() - begun < 2_000)
    await nothingInFlight(site)
    t.equal(site.frontend.edge.status().inFlight + site.backend.edge.status().inFlight, 0)
  })

  t.test(`what the upstream over there breaks off is broken off here, never ended (${protocol})`, async t => {
    const answers: Record<string, string> = {
      '/length': 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\npart',
      '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n'
    }
    const site = await startSite(t, (socket, text) => {
      socket.end(answers[/^GET (\S+)/.exec(text)?.[1] ?? ''] ?? '')
    })
    for (const path of Object.keys(answers)) {
      const answer = await ask(t, site.frontend, protocol, { path })
      t.match(answer, { status: 200, isComplete: false }, path)
      t.ok('part'.startsWith(answer.body))
    }
    t.match(await ask(t, site.frontend, protocol, { path: '/closed' }), { status: 502, isComplete: true })
    await nothingInFlight(site)
  })

  t.test(`uploads arrive whole, with their trailers, and their answers too (${protocol})`, async t => {
    const site = await startSite(t, (socket, text) => {
      if (text.endsWith('last: yes\r\n\r\n') || /z$/.test(text))
        socket.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')
    })
    const body = `${'0123456789'.repeat(300_000)}z`
    const chunked = { method: 'POST', path: '/up', body, trailers: { last: 'yes' } }
    if (protocol === 'h1') t.match(await ask(t, site.frontend, protocol, chunked), { status: 201 })
    const counted = { method: 'POST', path: '/counted', body, headers: ['content-length', `${body.length}`] }
    t.match(await ask(t, site.frontend, protocol, counted), { status: 201 })
    const [, came = ''] = site.web.received().split('POST /counted')
    t.ok(came.endsWith(body))
    t.equal(site.web.received().includes('last: yes'), protocol === 'h1')
  })
}

t.test('a line is used again; an upload that waits for its 100 gets it, once, from here', async t => {
  const site = await startSite(t, (socket, text) => {
    if (/\r\n\r\n$|body$/.test(text)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  })
  for (let i = 0; i < 5; i++) t.match(await ask(t, site.frontend, 'h1', { path: `/${i}` }), { status: 200 })
  // One more may be from trying the way, once it was open.
  t.ok(site.frontend.edge.status().upstreams[0]!.connections <= 2)
  const client = await connectRaw(site.frontend)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  t.equal(await readUntil(client, '\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
  client.write('body')
  t.match(await readUntil(client, 'ok'), /^HTTP\/1\.1 200 OK/)
  client.destroy()
})

t.test('a WebSocket goes through both edges, both ways, and its end does too', async t => {
  const site = await startSite(t, (socket, text) => {
    if (text.startsWith('GET')) {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    } else socket.write(`<${text}>`)
    if (text === 'bye') socket.end()
  })
  const client = await connectRaw(site.frontend)
  client.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n'
  )
  await readUntil(client, 'hello')
  client.write('one')
  await readUntil(client, '<one>')
  client.write('bye')
  await readUntil(client, '<bye>')
  await once(client, 'close')
  await nothingInFlight(site)
  t.equal(site.frontend.edge.status().inFlight + site.backend.edge.status().inFlight, 0)
})

t.test('the edges’ own questions are no path for users, here or over there', async t => {
  const site = await startSite(t, (socket, text) => {
    const path = /^\w+ (\S+)/.exec(text)![1]!
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
  })
  const upstream = ['x-twinedge-upstream', 'web']
  for (const path of [
    '/.link/report',
    '/.link/measure/source/99',
    '/.link/keys',
    '/.link/health',
    '//.link/report',
    '/x/../.link/report'
  ]) {
    for (const edge of [site.frontend, site.backend]) {
      for (const headers of [[], upstream]) {
        const answer = await ask(t, edge, 'h1', { path, headers })
        t.equal(answer.body, path, 'the upstream has it, as any other')
      }
    }
  }
})
