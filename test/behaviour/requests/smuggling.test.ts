import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { H2Frames, literal, pseudo, types } from '../../doubles/h2-frames.ts'

const inner = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'

interface Heard {
  readonly url: string
  readonly body: string
}

interface NodeUpstream {
  readonly origin: string
  /** Every request, in the order of its end, as node:http read it. */
  readonly heard: Heard[]
}

/** A real server with a parser of its own: whatever it takes for a request is one. */
async function startNodeUpstream(t: Test): Promise<NodeUpstream> {
  const heard: Heard[] = []
  const server = createServer(async (request: IncomingMessage, response) => {
    let body = ''
    request.setEncoding('latin1')
    for await (const chunk of request) body += chunk
    heard.push({ url: request.url ?? '', body })
    response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard }
}

/** One request after the others, on a connection of its own: it would be answered out of turn if anything had been left behind. */
async function ask(edge: RunningEdge): Promise<string> {
  const client = await connectRaw(edge)
  client.write('GET /after HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  return readAll(client)
}

const post = 'POST /first HTTP/1.1\r\nHost: localhost\r\n'
const chunkedInner = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`

/** Payloads whose prefix some pair of servers takes for a request of its own. */
const refused: Record<string, string> = {
  'CL.TE': `${post}Content-Length: ${5 + inner.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
  'TE.CL': `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunkedInner}`,
  'TE.TE, the second obfuscated': `${post}Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n${inner}`,
  'TE.TE, the first obfuscated': `${post}Transfer-Encoding: xchunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
  'TE by a tab': `${post}Content-Length: 5\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n${inner}`,
  'TE by a space before its colon': `${post}Content-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${inner}`,
  'TE on a folded line': `${post}Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
  'TE behind a bare LF': `${post}Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
  'TE behind a bare CR': `${post}Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
  'CL.CL': `${post}Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  'CL with a plus': `${post}Content-Length: +${inner.length}\r\n\r\n${inner}`,
  'a chunk ended by a bare LF': `${post}Transfer-Encoding: chunked\r\n\r\n2\nxx\r\n0\r\n\r\n${inner}`,
  'a chunk extension that hides a line end': `${post}Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n${inner}`,
  'a last chunk in two readings': `${post}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${inner}`,
  'a chunk size that wraps at 2^64': `${post}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n${inner}`,
  'an end of the head in two readings': `${post}X: y\n\n${inner}`
}

t.test('what is ambiguous never becomes a second request, however its bytes are split', async t => {
  const upstream = await startNodeUpstream(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  for (const [name, payload] of Object.entries(refused)) {
    for (const size of [payload.length, 7, 1]) {
      const client = await connectRaw(edge)
      const answer = readAll(client)
      for (let at = 0; at < payload.length; at += size) client.write(payload.slice(at, at + size), 'latin1')
      t.match(await answer, /^HTTP\/1\.1 (?:400|501) .*\r\nconnection: close\r\n/s, `${name}, by ${size}`)
    }
  }
  t.match(await ask(edge), /^HTTP\/1\.1 200 /)
  t.same(upstream.heard, [{ url: '/after', body: '' }], 'only the good request was heard, and it got its own answer')
})

t.test('a request inside a body is a body', async t => {
  const upstream = await startNodeUpstream(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const framed = [
    `Content-Length: ${inner.length}\r\nConnection: close\r\n\r\n${inner}`,
    `Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunkedInner}`,
    // Nominated away, either length would leave the body to be read as a request.
    `Content-Length: ${inner.length}\r\nConnection: close, content-length\r\n\r\n${inner}`,
    `Transfer-Encoding: chunked\r\nConnection: close, transfer-encoding\r\n\r\n${chunkedInner}`
  ]
  const sent: Heard[] = []
  for (const method of ['GET', 'DELETE', 'OPTIONS', 'HEAD', 'POST', 'PURGE']) {
    for (const [i, rest] of framed.entries()) {
      const client = await connectRaw(edge)
      client.write(`${method} /${method}-${i} HTTP/1.1\r\nHost: localhost\r\n${rest}`)
      t.match(await readAll(client), /^HTTP\/1\.1 200 /, `${method}, ${i}`)
      sent.push({ url: `/${method}-${i}`, body: inner })
    }
  }
  t.same(upstream.heard, sent)
})

t.test('what follows a request that was answered before its body ended is never a request', async t => {
  let heads = 0
  const server = createServer((_request, response) => {
    heads++
    response.writeHead(413, { 'content-length': '0' }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const edge = await startEdge(t, yamlFor({ web: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
  const client = await connectRaw(edge)
  const answer = readAll(client)
  client.once('data', () => client.write(inner))
  client.write(`${post}Content-Length: 1000\r\n\r\n`)
  t.match(await answer, /^HTTP\/1\.1 413 .*\r\nconnection: close\r\n/s)
  t.match(await ask(edge), /^HTTP\/1\.1 413 /)
  t.equal(heads, 2, 'the first one and the one that came after')
})

t.test('an upgrade to h2c is not passed on: the request is answered as it is', async t => {
  const upstream = await startNodeUpstream(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  for (const fields of [
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n',
    'Upgrade: websocket\r\n',
    'Connection: Upgrade\r\n'
  ]) {
    const client = await connectRaw(edge)
    client.write(`GET /h2c HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`)
    t.match(await readUntil(client, '\r\n\r\n'), /^HTTP\/1\.1 200 /)
    client.destroy()
  }
  // node:http emits 'upgrade', and without a listener treats the request as a plain one: so look at what was heard.
  t.equal(upstream.heard.length, 4)
})

t.test('a refused WebSocket leaves a connection on which the next request goes through the routes', async t => {
  const upstream = await startNodeUpstream(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  const fields =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: AAAA\r\n'
  client.write(`GET /socket HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`)
  client.write('GET /x HTTP/1.1\r\nHost: elsewhere.test\r\nConnection: close\r\n\r\n')
  const answer = await readAll(client)
  t.match(answer, /^HTTP\/1\.1 200 /, 'the upstream did not switch')
  t.match(answer, 'HTTP/1.1 421 ', 'so what follows is a request to us, not bytes for the upstream')
  t.equal(upstream.heard.length, 1)
})

t.test('HTTP/2 cannot carry a second request into HTTP/1.1', async t => {
  const upstream = await startNodeUpstream(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const first: (readonly [string, string])[] = [[':method', 'POST'], ...pseudo.slice(1, 3), [':path', '/first']]
  const payloads: Record<string, [fields: [string, string][], body: string]> = {
    'H2.CL': [[['content-length', '0']], inner],
    'H2.TE': [[['transfer-encoding', 'chunked']], `0\r\n\r\n${inner}`],
    'H2.TE by CR LF in a value': [[['x', 'y\r\ntransfer-encoding: chunked']], `0\r\n\r\n${inner}`],
    'H2.TE by CR LF in a name': [[['x: y\r\ntransfer-encoding', 'chunked']], `0\r\n\r\n${inner}`],
    'H2.TE by a colon in a name': [[['transfer-encoding: chunked\r\nx', 'y']], `0\r\n\r\n${inner}`]
  }
  for (const [name, [fields, body]] of Object.entries(payloads)) {
    const client = new H2Frames(await connectRaw(edge, 'h2'))
    client.write(types.headers, 0x4, 1, literal([...first, ...fields]))
    client.write(types.data, 0x1, 1, Buffer.from(body))
    t.match(await client.verdict(1), /^(?:200|400|refused)$/, name)
    client.socket.destroy()
  }
  t.match(await ask(edge), /^HTTP\/1\.1 200 /)
  t.notOk(upstream.heard.some(({ url }) => url === '/smuggled'))
})
