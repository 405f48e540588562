import { type AddressInfo, connect, type Socket } from 'node:net'
import { createServer as createTls } from 'node:tls'
import t, { type Test } from 'tap'
import { type FailureCode, failures } from '../../../proxy/errors.ts'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'
import { connectRaw, type RunningEdge, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols, valuesOf } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { answered, provocativeYaml, webAnswers } from '../../fixtures/provoked-failures.ts'

// Some of these wait for a deadline of the edge; they wait together.
t.jobs = 32
const provoked = new Set<FailureCode>()
/** Below those that the kernel hands out, so that nothing comes to listen there. */
const REFUSED_PORT = 811
const secrets: string[] = ['127.0.0.1', '255.255.255.255', `:${REFUSED_PORT}`]

const web = await startRawUpstream(t, (socket, text) => {
  const path = /^\w+ (\S+) HTTP/.exec(text)?.[1] ?? ''
  if (path === '/web/closed') socket.end()
  else if (webAnswers[path] !== undefined) socket.write(webAnswers[path])
  if (path === '/web/truncated') socket.end()
  if (path === '/patient/flood') socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 99000000\r\n\r\n${'x'.repeat(24e6)}`)
})
const mute = await startRawUpstream(t, () => {})
const edge = await startEdge(
  t,
  provocativeYaml({
    web: web.origin,
    pair: mute.origin,
    refused: `http://127.0.0.1:${REFUSED_PORT}`,
    tls: `https://127.0.0.1:${await startUntrusted(t)}`,
    mute: mute.origin.replace('http:', 'https:')
  })
)
secrets.push(String(web.port), String(mute.port))
await edge.line(line => line.message === 'upstream is down')
// Takes the only connection that `busy` may have.
const holder = await connectRaw(edge)
t.teardown(() => holder.destroy())
holder.write('GET /busy/held HTTP/1.1\r\nHost: localhost\r\n\r\n')
await web.seen('/busy/held')
// A pause that is prolonged for ever: no request waits for as long.
const hold = { longestMs: 1_000, spreadMs: 0 }
const pauseHeld = (): unknown => edge.edge.slots.hold({ ...hold, upstream: 'held', mode: 'paused' })
pauseHeld()
const prolonging = setInterval(pauseHeld, 500)
t.teardown(() => clearInterval(prolonging))
edge.edge.slots.hold({ ...hold, upstream: 'mended', mode: 'maintenance' })
// Whatever waits for the idle half is cut again and again.
const flipAndDrain = async (): Promise<void> => {
  const { slot } = edge.edge.status().upstreams.find(({ name, isActive }) => name === 'pair' && !isActive)!
  const { before } = await edge.edge.slots.promote({ upstream: 'pair', slot, passes: 1, withinMs: 1_000 })
  edge.edge.slots.drain({ upstream: 'pair', slot: before, withinMs: 0, graceMs: 0 })
}
let flip = Promise.resolve()
const flipping = setInterval(() => {
  flip = flip.then(flipAndDrain)
}, 700)
// One that is under way when the edge stops is refused.
t.teardown(async () => {
  clearInterval(flipping)
  await flip
})

/** What a client may read of a failure: the code and the request id, and nothing of what lies behind the edge. */
async function checkAnswer(
  t: Test,
  from: RunningEdge,
  code: FailureCode,
  told: { text: string; isPage: boolean }
): Promise<void> {
  provoked.add(code)
  const { text, isPage } = told
  const { status } = failures[code]
  const id = /x-request-id: (\S+)/i.exec(text)?.[1] ?? 'no id'
  t.match(text, new RegExp(`^HTTP/\\d(?:\\.\\d)? ${status}`))
  t.match(text, `content-type: ${isPage ? 'text/html' : 'application/json'}; charset=utf-8`)
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  if (!isPage) t.match(JSON.parse(body), { error: { code, request: id } })
  t.ok(body.includes(code) && body.includes(id), 'the code and the id, by which the log line is found')
  for (const secret of secrets) t.notOk(text.includes(secret), secret)
  t.match(await from.line(line => line.id === id), { code, status })
}

for (const [code, how] of Object.entries(answered) as [FailureCode, (typeof answered)[FailureCode] & object][]) {
  t.test(`${code} is told to a browser as a page, to others as JSON, and to nobody in detail`, async t => {
    const kinds = [
      { accept: 'text/html,*/*;q=0.8', isHtml: true },
      { accept: 'application/json', isHtml: false }
    ]
    await Promise.all(
      kinds.map(async ({ accept, isHtml }) => {
        if ('text' in how) {
          const client = await connectRaw(edge)
          client.write(how.text.replace('ACCEPT', accept), 'latin1')
          return checkAnswer(t, edge, code, { text: await readAll(client), isPage: isHtml && how.isHeadRead === true })
        }
        for (const protocol of protocols) {
          const headers = [...(how.ask.headers ?? []), 'accept', accept]
          const answer = await ask(t, edge, protocol, { ...how.ask, headers })
          const lines = answer.headers.map((part, i) => part + (i % 2 === 0 ? ': ' : '\r\n')).join('')
          await checkAnswer(t, edge, code, {
            text: `HTTP/1.1 ${answer.status}\r\n${lines}\r\n${answer.body}`,
            isPage: isHtml
          })
          t.strictSame(valuesOf(answer.headers, 'retry-after').length, answer.status === 503 ? 1 : 0)
        }
      })
    )
  })
}

t.test('EDGE_RATE_LIMITED', async t => {
  const limited = await startEdge(
    t,
    yamlFor({ web: web.origin }, 'limits: { requests-per-second: 1 }', ', idle: 100ms')
  )
  for (let i = 0; i < 10; i++) await ask(t, limited, 'h1', { path: '/web/malformed' })
  const client = await connectRaw(limited)
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const text = await readAll(client)
  await checkAnswer(t, limited, 'EDGE_RATE_LIMITED', { text, isPage: false })
  t.match(text, 'retry-after: ')
})

t.test('LINK_LOOP', async t => {
  await ask(t, edge, 'h1', { path: '/web/malformed' })
  const mark = /\r\ncdn-loop: (\S+;upstream=web)\r\n/.exec(web.received())?.[1] ?? ''
  for (const protocol of protocols) {
    const { status, headers, body } = await ask(t, edge, protocol, {
      path: '/web/malformed',
      headers: ['cdn-loop', mark]
    })
    const lines = headers.map((part, i) => part + (i % 2 === 0 ? ': ' : '\r\n')).join('')
    const text = `HTTP/1.1 ${status}\r\n${lines}\r\n${body}`
    await checkAnswer(t, edge, 'LINK_LOOP', { text, isPage: false })
  }
})

t.test('EDGE_PLAIN_HTTP is told in the clear, as TLS is what is missing', async t => {
  const client = connect(edge.httpsPort, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  let text = ''
  for await (const chunk of client) text += chunk
  t.match(text, /^HTTP\/1\.1 400 [\s\S]*EDGE_PLAIN_HTTP/)
  provoked.add('EDGE_PLAIN_HTTP')
})

/** Failures of which there is nobody left to tell, or whose answer had begun: the log alone has them. */
const untold: Partial<Record<FailureCode, [path: string, after: (client: Socket) => void]>> = {
  EDGE_CLIENT_CLOSED: ['/web/left', client => void web.seen('/web/left').then(() => client.destroy())],
  EDGE_CLIENT_STALLED: ['/patient/flood', client => void client.pause()],
  EDGE_UPSTREAM_TRUNCATED: ['/web/truncated', () => {}],
  EDGE_UPSTREAM_STALLED: ['/web/stalled', () => {}]
}
for (const [code, [path, after]] of Object.entries(untold) as [FailureCode, [string, (client: Socket) => void]][]) {
  t.test(`${code} is in the log, and its client is cut`, async t => {
    const client = await connectRaw(edge)
    client.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    after(client)
    t.match(await edge.line(line => line.code === code), { path })
    client.destroy()
    provoked.add(code)
  })
}

t.test('a HEAD that fails has the head of its answer, and no body', async t => {
  const client = await connectRaw(edge)
  client.write('HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /down HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(await readUntil(client, ' 503 Service Unavailable\r\n'), /^HTTP\/1\.1 404 [\s\S]*\r\n\r\nHTTP\/1\.1 503 Serv/)
  client.destroy()
})

t.test('every failure with a status is provoked by a test', { buffered: false }, async t => {
  const elsewhere = ['EDGE_INTERNAL', 'EDGE_STOPPING'] // failures-inside.test.ts
  const codes = Object.keys(failures).filter(code => failures[code as FailureCode].status !== 0)
  t.strictSame(codes.filter(code => !provoked.has(code as FailureCode)).sort(), elsewhere.sort())
})

async function startUntrusted(t: Test): Promise<number> {
  const { cert, key } = await makeLeaf(await makeRoot(new Date()), ['localhost'], new Date())
  const server = createTls({ cert, key }, socket => void socket.on('error', () => {}))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}
