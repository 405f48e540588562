import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type RunningEdge, startEdge, yamlFor } from '../../doubles/edge.ts'
import { type Answer, type Ask, ask, protocols } from '../../doubles/foreign-client.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

/** Answers the first request of its first connection; everything after it there meets `onSecond`. */
async function startRacing(
  t: Test,
  onSecond: (socket: Socket) => void,
  onFresh: (socket: Socket) => void = socket => socket.write(OK)
): Promise<{ edge: RunningEdge; upstream: RawUpstream }> {
  let requests = 0
  const upstream = await startRawUpstream(t, (socket, text, connection) => {
    if (!/ HTTP\/1\.1\r\n/.test(text)) return
    if (++requests === 1) socket.write(OK)
    else if (connection === 0) onSecond(socket)
    else onFresh(socket)
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  t.match(await ask(t, edge, 'h1', { path: '/warm' }), { status: 200 })
  t.equal(edge.edge.status().upstreams[0]?.connections, 1, 'one connection is kept')
  return { edge, upstream }
}

function timesAsked(upstream: RawUpstream, path: string): number {
  return upstream.received().split(` ${path} HTTP/1.1`).length - 1
}

const closings: Record<string, (socket: Socket) => void> = {
  FIN: socket => void socket.end(),
  RST: socket => void socket.resetAndDestroy()
}

for (const protocol of protocols) {
  for (const [how, close] of Object.entries(closings)) {
    t.test(
      `a GET that meets a kept connection being closed (${how}) is answered all the same (${protocol})`,
      async t => {
        const { edge, upstream } = await startRacing(t, close)
        t.match(await ask(t, edge, protocol, { path: '/again' }), { status: 200, body: 'hi', isComplete: true })
        t.equal(timesAsked(upstream, '/again'), 2)
        t.equal(upstream.connections.length, 2, 'the second time on a fresh connection')
      }
    )
  }

  const once: Record<string, Ask> = {
    'a POST': { method: 'POST', body: 'pay' },
    'a POST without body': { method: 'POST', headers: ['content-length', '0'] },
    'a PATCH without body': { method: 'PATCH', headers: ['content-length', '0'] },
    'a PUT with a body, part of which is gone': { method: 'PUT', headers: ['content-length', '3'], body: 'pay' }
  }
  for (const [what, asked] of Object.entries(once)) {
    t.test(`${what} is never sent twice (${protocol})`, async t => {
      const { edge, upstream } = await startRacing(t, socket => socket.resetAndDestroy())
      t.match(await ask(t, edge, protocol, { ...asked, path: '/again' }), { status: 502, body: /EDGE_UPSTREAM_CLOSED/ })
      t.equal(timesAsked(upstream, '/again'), 1)
    })
  }
}

t.test('HEAD, OPTIONS and an empty DELETE are as safe as GET', async t => {
  for (const method of ['HEAD', 'OPTIONS', 'DELETE']) {
    const { edge } = await startRacing(t, socket => socket.end())
    t.match(await ask(t, edge, 'h1', { method, path: '/again' }), { status: 200 }, method)
  }
})

const failures: Record<string, [Ask, onSecond: (socket: Socket) => void, expected: Partial<Answer>]> = {
  'a GET of whose answer something came': [{}, socket => socket.end('HTTP/1.1 200 OK\r\nConte'), { status: 502 }],
  'a GET whose answer broke off': [
    {},
    socket => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart'),
    { isComplete: false }
  ],
  'a GET of whose answer only a 103 came': [{}, socket => socket.end('HTTP/1.1 103 Hints\r\n\r\n'), { status: 502 }]
}
for (const [what, [asked, onSecond, expected]] of Object.entries(failures)) {
  t.test(`${what} is not sent again`, async t => {
    const { edge, upstream } = await startRacing(t, onSecond)
    t.match(await ask(t, edge, 'h1', { ...asked, path: '/again' }), expected)
    t.equal(timesAsked(upstream, '/again'), 1)
  })
}

t.test('a GET is sent again once, not until it works', async t => {
  const reset = (socket: Socket): void => void socket.resetAndDestroy()
  const { edge, upstream } = await startRacing(t, reset, reset)
  t.match(await ask(t, edge, 'h1', { path: '/again' }), { status: 502, body: /EDGE_UPSTREAM_CLOSED/ })
  t.equal(timesAsked(upstream, '/again'), 2)
})

t.test('a GET is sent again on a fresh connection, not on the next one that may be closing', async t => {
  const first: (() => void)[] = []
  const upstream = await startRawUpstream(t, (socket, text, connection) => {
    if (text.includes('/again')) return void (connection < 2 ? socket.resetAndDestroy() : socket.write(OK))
    first.push(() => socket.write(OK))
    if (first.length === 2) for (const answer of first) answer()
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  await Promise.all([ask(t, edge, 'h1', { path: '/warm' }), ask(t, edge, 'h1', { path: '/warm' })])
  t.equal(edge.edge.status().upstreams[0]?.connections, 2, 'two connections are kept')
  t.match(await ask(t, edge, 'h1', { path: '/again' }), { status: 200 })
  t.equal(timesAsked(upstream, '/again'), 2)
})

t.test('a GET that is sent again goes to the slot that serves by then', async t => {
  const green = await startRawUpstream(t, socket => socket.write(OK))
  const blue = await startRawUpstream(t, async (socket, text) => {
    if (text.includes('/warm')) return void socket.write(OK)
    await edge.edge.slots.promote({ upstream: 'web', slot: 'green', passes: 1, withinMs: 5_000 })
    socket.resetAndDestroy()
  })
  const origins = yamlFor({ web: blue.origin })
  const slots = `slots: { blue: "${blue.origin}", green: "${green.origin}" }`
  const edge = await startEdge(t, origins.replace(`origin: "${blue.origin}"`, slots))
  await ask(t, edge, 'h1', { path: '/warm' })
  t.match(await ask(t, edge, 'h1', { path: '/again' }), { status: 200 })
  t.match([timesAsked(blue, '/again'), timesAsked(green, '/again')], [1, 1])
  t.match(
    edge.edge.status().upstreams.map(({ inFlight }) => inFlight),
    [0, 0]
  )
})

t.test('a fresh connection that is closed unanswered is no race: nothing is sent again', async t => {
  const upstream = await startRawUpstream(t, socket => socket.resetAndDestroy())
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  t.match(await ask(t, edge, 'h1', { path: '/first' }), { status: 502, body: /EDGE_UPSTREAM_CLOSED/ })
  t.equal(timesAsked(upstream, '/first'), 1)
})

t.test('a kept connection whose FIN has come is not used at all, so that a POST is not lost on it', async t => {
  const { edge, upstream } = await startRacing(t, () => {})
  const closed = new Promise(resolve => upstream.connections[0]!.once('close', resolve))
  upstream.connections[0]!.end()
  await closed // The edge has heard the FIN: it closed its side.
  t.equal(edge.edge.status().upstreams[0]?.connections, 0)
  t.match(await ask(t, edge, 'h1', { method: 'POST', body: 'pay', path: '/again' }), { status: 200 })
  t.equal(timesAsked(upstream, '/again'), 1)
})
