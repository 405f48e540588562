import t from 'tap'
import { connectRaw, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`

/** Answers each request with its own path. */
function echo(socket: { write(text: string): unknown }, text: string): void {
  for (const [, path] of text.matchAll(/^(?:GET|POST) (\S+) HTTP/gm)) {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path?.length}\r\n\r\n${path}`)
  }
}

/** The paths that the answers name, in their order. */
function answered(text: string): string[] {
  return [...text.matchAll(/\r\n\r\n(\/[a-z]+)/g)].map(([, path]) => path!)
}

t.test('pipelined requests are answered in their order, one at a time', async t => {
  const upstream = await startRawUpstream(t, echo)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  for (const size of [1_000, 11, 1]) {
    const client = await connectRaw(edge)
    const answers = readAll(client)
    const bytes = get('/one') + get('/two') + get('/three', 'Connection: close\r\n')
    for (let at = 0; at < bytes.length; at += size) client.write(bytes.slice(at, at + size))
    t.same(answered(await answers), ['/one', '/two', '/three'], `written by ${size} bytes`)
  }
  t.equal(upstream.connections.length, 1, 'and one upstream connection was enough for all of them')
})

t.test('a second request waits until the first is answered', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.startsWith('GET /one')) setImmediate(() => echo(socket, text))
    else echo(socket, text)
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.write(get('/one') + get('/two', 'Connection: close\r\n'))
  t.same(answered(await readAll(client)), ['/one', '/two'])
  t.equal(upstream.connections.length, 1, 'two at once would have taken two connections')
})

t.test('a body between two requests ends where it says', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.startsWith('GET')) echo(socket, text)
    // Not before its body is whole: an early answer would end the connection.
    if (text.includes('hello')) echo(socket, 'POST /one HTTP')
    if (text.includes('\r\n0\r\n')) echo(socket, 'POST /two HTTP')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.write(
    `POST /one HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello` +
      `POST /two HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n` +
      get('/three', 'Connection: close\r\n')
  )
  t.same(answered(await readAll(client)), ['/one', '/two', '/three'])
})

t.test('what is pipelined behind a malformed request is not looked at', async t => {
  const upstream = await startRawUpstream(t, echo)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.write(`${get('/one')}GET /bad HTTP/1.1\r\nHost : localhost\r\n\r\n${get('/three')}`)
  const answers = await readAll(client)
  t.same(answered(answers), ['/one'])
  t.match(answers, 'HTTP/1.1 400 ')
  t.notMatch(upstream.received(), '/three')
})

t.test('what is pipelined behind Connection: close is not looked at', async t => {
  const upstream = await startRawUpstream(t, echo)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.write(get('/one', 'Connection: close\r\n') + get('/two'))
  t.same(answered(await readAll(client)), ['/one'])
  t.notMatch(upstream.received(), '/two')
})
