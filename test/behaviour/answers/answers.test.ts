import t from 'tap'
import { connectRaw, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols, valuesOf } from '../../doubles/foreign-client.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

/** `报表.xlsx` as the bytes that uvicorn writes. */
const CHINESE = Buffer.from('attachment; filename="报表.xlsx"').toString('latin1')

const answers: Record<string, string> = {
  plain: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2, c\r\nVary: *\r\n\r\nhi',
  chinese: `HTTP/1.1 200 OK\r\nContent-Disposition: ${CHINESE}\r\nContent-Length: 2\r\n\r\n\xff\x80`,
  hints:
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  trailers:
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n2;ext=1\r\nhi\r\n0\r\nX-Sum: 7\r\nX-Sum: 8\r\nETag: a\r\nETag: b\r\nContent-Length: 3\r\n\r\n',
  range: 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-4/9\r\nContent-Length: 2\r\n\r\nde',
  twice: 'HTTP/1.1 200 OK\r\nETag: a\r\nETag: b\r\nServer: x\r\nServer: y\r\nContent-Length: 2\r\n\r\nhi',
  hops:
    'HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=9\r\nX-Hop: 1\r\nProxy-Connection: x\r\n' +
    'Upgrade: h2c\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nhi',
  ids: 'HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nX-Request-Id: too\r\nContent-Length: 2\r\n\r\nhi',
  old: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  reset: 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n',
  none: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Stays: 1\r\n\r\n',
  wrongnone: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
  same: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: "x"\r\n\r\n'
}

function startUpstream(t: Parameters<typeof startRawUpstream>[0]): Promise<RawUpstream> {
  return startRawUpstream(t, (socket, text) => {
    const [, method, name] = /^(\w+) \/(\w+)/.exec(text) ?? []
    if (method === 'HEAD') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n')
    else if (name !== undefined) socket.write(answers[name]!, 'latin1')
  })
}

for (const protocol of protocols) {
  t.test(`an answer is relayed as it is (${protocol})`, async t => {
    const upstream = await startUpstream(t)
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    const get = (name: string) => ask(t, edge, protocol, { path: `/${name}` })

    const plain = await get('plain')
    t.match(plain, { status: 200, body: 'hi', isComplete: true })
    t.strictSame(valuesOf(plain.headers, 'set-cookie'), ['a=1', 'b=2, c'], 'two Set-Cookie stay two')
    t.strictSame(valuesOf(plain.headers, 'date'), [], 'no Date is made up')

    const chinese = await get('chinese')
    t.strictSame(valuesOf(chinese.headers, 'content-disposition'), [CHINESE])
    t.equal(chinese.body, '\xff\x80')

    const hints = await get('hints')
    t.strictSame(hints.interim, [
      { status: 103, headers: ['link', '</a>', 'link', '</b>'] },
      { status: 103, headers: ['link', '</c>'] }
    ])
    t.match(hints, { status: 200, body: 'hi', isComplete: true })

    const trailers = await get('trailers')
    const allowed = ['x-sum', '7', 'x-sum', '8', 'etag', 'a', 'etag', 'b']
    t.match(trailers, { body: 'hi', trailers: allowed, isComplete: true })
    t.notMatch(trailers.trailers, ['content-length'], 'a trailer that would change the framing is dropped')

    const range = await get('range')
    t.match(range, { status: 206, body: 'de' })
    t.strictSame(valuesOf(range.headers, 'content-range'), ['bytes 3-4/9'])

    const twice = await get('twice')
    t.match(twice, { status: 200, isComplete: true })
    t.strictSame(valuesOf(twice.headers, 'etag'), ['a', 'b'], 'what the upstream says twice is said twice')
    t.match(await get('old'), { status: 200, body: 'hi', isComplete: true })
    t.match(await get('reset'), { status: 205, body: '', isComplete: true })
  })

  t.test(`the answer's hop-by-hop fields end at the edge (${protocol})`, async t => {
    const upstream = await startUpstream(t)
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    const { headers } = await ask(t, edge, protocol, { path: '/hops' })
    for (const name of ['keep-alive', 'x-hop', 'proxy-connection', 'upgrade']) t.strictSame(valuesOf(headers, name), [])
    t.notMatch(valuesOf(headers, 'connection').join(), /keep-alive|x-hop/i)
    t.strictSame(valuesOf(headers, 'x-stays'), ['1'])

    const ids = valuesOf((await ask(t, edge, protocol, { path: '/ids' })).headers, 'x-request-id')
    t.equal(ids.length, 1)
    t.match(upstream.received(), `x-request-id: ${ids[0]}`, 'one id, the one that the upstream was told')
  })

  t.test(`an answer without a body has none, and says what its body would be (${protocol})`, async t => {
    const upstream = await startUpstream(t)
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    for (const what of [{ method: 'HEAD', path: '/plain' }, { path: '/same' }]) {
      const answer = await ask(t, edge, protocol, what)
      t.match(answer, { body: '', isComplete: true })
      t.strictSame(valuesOf(answer.headers, 'content-length'), ['1234'])
    }
    for (const path of ['/none', '/wrongnone']) {
      const answer = await ask(t, edge, protocol, { path })
      t.match(answer, { status: 204, body: '', isComplete: true })
      t.strictSame(valuesOf(answer.headers, 'content-length'), [], 'RFC 9110 section 8.6: not with 204')
    }
    t.equal(upstream.connections.length, 1, 'the upstream connection stayed in step')
  })
}

t.test('answers without bodies leave an HTTP/1.1 connection in step', async t => {
  const upstream = await startUpstream(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  for (const line of ['HEAD /plain', 'GET /none', 'GET /same', 'GET /reset', 'HEAD /trailers']) {
    client.write(`${line} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    const head = await readUntil(client, '\r\n\r\n')
    t.ok(head.startsWith('HTTP/1.1 2') || head.startsWith('HTTP/1.1 304'), line)
    t.ok(head.endsWith('\r\n\r\n'), 'not a byte behind the head')
    t.notMatch(head, 'transfer-encoding')
  }
  client.write('GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(await readUntil(client, '\r\n\r\nhi'), /^HTTP\/1\.1 200 OK\r\n/)
  client.destroy()
})
