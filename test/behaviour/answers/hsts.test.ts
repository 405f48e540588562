import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols, valuesOf } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const name = 'strict-transport-security'
const own = 'Strict-Transport-Security: max-age=1\r\n'

/** An edge whose upstream brings a field of its own; `/reset` is never answered, `/ws` is agreed to. */
async function start(t: Test, hsts: string): Promise<RunningEdge> {
  const web = await startRawUpstream(t, (socket, text) => {
    if (text.includes('GET /reset')) return void socket.destroy()
    if (text.includes('GET /ws')) {
      return void socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n${own}\r\n`
      )
    }
    socket.write(`HTTP/1.1 200 OK\r\n${own}${own}Content-Length: 2\r\n\r\nok`)
  })
  return startEdge(t, yamlFor({ web: web.origin }, hsts, ', body: 1k'))
}

for (const protocol of protocols) {
  t.test(
    `over ${protocol}, every answer carries it once: the upstream's, in place of its own, and the edge's`,
    async t => {
      const edge = await start(t, 'hsts: { max-age: 365d, subdomains: true, preload: true }')
      const value = 'max-age=31536000; includeSubDomains; preload'
      const cases = {
        200: {},
        413: { method: 'POST', headers: ['content-length', '2000'], body: 'x'.repeat(2000) },
        502: { path: '/reset' },
        431: { headers: ['x-large', 'x'.repeat(40_000)] }
      }
      for (const [status, what] of Object.entries(cases)) {
        const answer = await ask(t, edge, protocol, what)
        t.equal(answer.status, Number(status))
        t.strictSame(valuesOf(answer.headers, name), [value], status)
      }
    }
  )

  t.test(`over ${protocol}, without the setting the upstream's own passes, and the edge adds none`, async t => {
    const edge = await start(t, '')
    t.strictSame(valuesOf((await ask(t, edge, protocol)).headers, name), ['max-age=1', 'max-age=1'])
    t.strictSame(valuesOf((await ask(t, edge, protocol, { path: '/reset' })).headers, name), [])
  })
}

t.test('only what is asked for is promised', async t => {
  for (const [hsts, value] of [
    ['{ max-age: 10m }', 'max-age=600'],
    ['{ max-age: 1d, subdomains: true }', 'max-age=86400; includeSubDomains']
  ] as const) {
    const edge = await start(t, `hsts: ${hsts}`)
    t.strictSame(valuesOf((await ask(t, edge, 'h1')).headers, name), [value])
  }
})

t.test('a reload changes it under open connections', async t => {
  const edge = await start(t, 'hsts: { max-age: 1d }')
  const socket = await connectRaw(edge)
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(await readUntil(socket, '\r\n\r\nok'), `${name}: max-age=86400\r\n`)
  edge.setYaml(yamlFor({ web: 'http://127.0.0.1:1' }, 'hsts: { max-age: 2d }'))
  await edge.edge.reload()
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.match(await readAll(socket), `${name}: max-age=172800\r\n`)
})

t.test('a WebSocket is agreed to with it', async t => {
  const edge = await start(t, 'hsts: { max-age: 1d }')
  const socket = await connectRaw(edge)
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n'
  socket.write(`GET /ws HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\n`)
  const head = await readUntil(socket, '\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 101 /)
  t.strictSame(head.match(/^strict-transport-security: .*$/gim), [`${name}: max-age=86400`])
  socket.destroy()
})

t.test('it is never said in clear text, nor for a name that is not ours', async t => {
  const edge = await start(t, 'hsts: { max-age: 365d }')
  for (const [port, target] of [
    [edge.httpPort, '/'],
    [edge.httpPort, '/.well-known/acme-challenge/x'],
    [edge.httpsPort, '/']
  ] as const) {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    const answer = await readAll(socket as never)
    t.match(answer, /^HTTP\/1\.1 \d/)
    t.notMatch(answer, /strict-transport/i)
  }
  const socket = await connectRaw(edge)
  socket.write('GET / HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n')
  const answer = await readAll(socket)
  t.match(answer, /^HTTP\/1\.1 421 /)
  t.notMatch(answer, /strict-transport/i)
})
