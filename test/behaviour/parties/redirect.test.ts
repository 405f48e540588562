import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

async function start(t: Test): Promise<RunningEdge> {
  const web = await startRawUpstream(t, () => t.fail('a request on :80 reached an upstream'))
  return startEdge(t, yamlFor({ web: web.origin }))
}

/** All that the plain listener answers until it closes. */
async function ask(edge: RunningEdge, text: string): Promise<string> {
  const socket = connect(edge.httpPort, '127.0.0.1')
  const answer = readAll(socket as never)
  socket.write(text, 'latin1')
  return answer
}

function get(edge: RunningEdge, target: string, host = 'localhost'): Promise<string> {
  return ask(edge, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
}

function locationOf(answer: string): string | undefined {
  return /^location: (.*)\r$/im.exec(answer)?.[1]
}

t.test('path and query come back byte for byte', async t => {
  const edge = await start(t)
  const targets = [
    '/',
    '/a/b?c=d&e=%20f',
    '/?q="quoted"|{}^`<>\\',
    '/%E5%B7%A5%E4%BD%9C%E7%B0%BF.xlsx?%2e%2E/%2F',
    '//double//slashes/../..//',
    '/\xe5\xb7\xa5?\xff',
    '/?',
    '/a?b?c=https://elsewhere.example/',
    `/${'x'.repeat(8_000)}?${'y'.repeat(8_000)}`
  ]
  for (const target of targets) {
    const answer = await get(edge, target)
    t.match(answer, /^HTTP\/1\.1 301 Moved Permanently\r\n/)
    t.equal(locationOf(answer), `https://localhost:${edge.httpsPort}${target}`)
  }
})

t.test('the port of the request is replaced, and nothing but the host name is taken from Host', async t => {
  const edge = await start(t)
  for (const host of ['localhost:80', 'localhost:8080', 'LocalHost', 'localhost.', `localhost:${edge.httpPort}`]) {
    t.equal(locationOf(await get(edge, '/x', host)), `https://localhost:${edge.httpsPort}/x`, host)
  }
  const absolute = 'GET http://example.test/y?z HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n'
  t.equal(locationOf(await ask(edge, absolute)), `https://example.test:${edge.httpsPort}/y?z`)
})

t.test('a host that is not ours is refused, and sent nowhere', async t => {
  const edge = await start(t)
  for (const host of ['elsewhere.example', '127.0.0.1', 'localhost.elsewhere.example', 'xlocalhost']) {
    const answer = await get(edge, '/', host)
    t.match(answer, /^HTTP\/1\.1 421 .*EDGE_HOST_UNKNOWN/s)
    t.equal(locationOf(answer), undefined)
  }
})

t.test("ACME's path is not redirected, and no other is spared", async t => {
  const edge = await start(t)
  const answer = await get(edge, '/.well-known/acme-challenge/token')
  t.match(answer, /^HTTP\/1\.1 404 /)
  t.equal(locationOf(answer), undefined)
  for (const path of ['/.well-known/acme-challenge', '/.well-known/security.txt', '/x/.well-known/acme-challenge/t']) {
    t.match(await get(edge, path), /^HTTP\/1\.1 301 /, path)
  }
})

t.test('every method is redirected, bodies unread, and HEAD has none', async t => {
  const edge = await start(t)
  const post = await ask(edge, 'POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')
  t.match(post, /^HTTP\/1\.1 301 .*connection: close\r\n/s)
  t.equal(locationOf(post), `https://localhost:${edge.httpsPort}/form`)
  t.equal(post.split('HTTP/1.1').length, 2, 'the body is not taken for a request')
  const waiting = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'
  t.notMatch(await ask(edge, waiting), '100 Continue')
  const head = await ask(edge, 'HEAD /h HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 301 .*\r\n\r\n$/s)
})

t.test('HTTP/1.0 is redirected and closed; HTTP/1.1 is kept open for the next request', async t => {
  const edge = await start(t)
  const old = await ask(edge, 'GET /old HTTP/1.0\r\nHost: localhost\r\n\r\n')
  t.equal(locationOf(old), `https://localhost:${edge.httpsPort}/old`)
  const one = 'GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const both = await ask(edge, one + one.replace('/1', '/2').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  t.same(both.match(/location: \S+\/[12]/g)?.length, 2)
})

t.test('each redirect has its line in the log, refusals and what is no request too', async t => {
  const edge = await start(t)
  await get(edge, '/a?token=secret')
  t.match(await edge.line(({ status }) => status === 301), { method: 'GET', host: 'localhost', ended: 'complete' })
  await get(edge, '/', 'elsewhere.example')
  t.match(await edge.line(({ status }) => status === 421), { code: 'EDGE_HOST_UNKNOWN', ended: 'edge', level: 'info' })
  t.match(await ask(edge, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await edge.line(({ status }) => status === 400), { code: 'EDGE_REQUEST_MALFORMED' })
  t.notMatch(JSON.stringify(edge.lines), 'secret')
})

t.test('plain HTTP on the port of HTTPS is told so in words; TLS on the port of HTTP is closed', async t => {
  const edge = await start(t)
  const socket: Socket = connect(edge.httpsPort, '127.0.0.1')
  const answer = readAll(socket as never)
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(await answer, /^HTTP\/1\.1 400 Bad Request\r\n.*EDGE_PLAIN_HTTP/s)
  await t.rejects(connectRaw({ ...edge, httpsPort: edge.httpPort }))
  const noise = connect(edge.httpsPort, '127.0.0.1')
  noise.write(Buffer.alloc(100, 0xff))
  noise.resume()
  await once(noise, 'close')
  t.equal(edge.edge.status().connections, 0)
})
