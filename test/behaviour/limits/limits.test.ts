import type { Socket } from 'node:net'
import t from 'tap'
import { connectRaw, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ACK, END_HEADERS, END_STREAM, frame, H2Frames, literal, pseudo, types } from '../../doubles/h2-frames.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

// They wait more than they work.
t.jobs = 6

/** Its end, clean or by a reset. */
function closing(socket: Socket): Promise<unknown> {
  return new Promise(resolve => socket.once('close', resolve))
}

const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
const last = get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')

/** Answers every request with `hi`. */
function greeter(t: Parameters<typeof startRawUpstream>[0]): Promise<RawUpstream> {
  return startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'))
}

t.test('connections beyond the limit are refused, and admitted again as soon as one has gone', async t => {
  const upstream = await greeter(t)
  for (const limit of ['connections', 'connections-per-address']) {
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, `limits: { ${limit}: 2 }\n`))
    const [first, second] = [await connectRaw(edge), await connectRaw(edge)]
    await t.rejects(connectRaw(edge), { code: 'ECONNRESET' }, `${limit}: a third one`)
    t.equal(edge.edge.status().connections, 2, 'and it is not counted')
    first.write(last)
    t.match(await readAll(first), /^HTTP\/1\.1 200 /, 'those who are in are served')
    while (edge.edge.status().connections > 1) await new Promise(resolve => setImmediate(resolve))
    const third = await connectRaw(edge)
    third.write(last)
    t.match(await readAll(third), /^HTTP\/1\.1 200 /)
    second.destroy()
  }
})

t.test('the limit per address is not for trusted proxies, whose address many share; the limit in all is', async t => {
  const upstream = await greeter(t)
  const more = 'trusted-proxies: [127.0.0.0/8]\nlimits: { connections-per-address: 1, connections: 3 }\n'
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, more))
  const clients = [await connectRaw(edge), await connectRaw(edge), await connectRaw(edge)]
  await t.rejects(connectRaw(edge), { code: 'ECONNRESET' })
  for (const client of clients) client.destroy()
})

t.test('streams beyond the limit are refused, and the others are not', async t => {
  const upstream = await startRawUpstream(t, () => {})
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { streams: 2 }\n'))
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  for (const stream of [1, 3, 5]) client.request(stream, [...pseudo.slice(0, 3), [':path', `/${stream}`]])
  const refused = await client.frame(({ type }) => type === types.reset)
  t.same([refused?.stream, refused?.payload.readUInt32BE(0)], [5, 7], 'REFUSED_STREAM: it may be tried again')
  await upstream.seen('GET /1 ')
  await upstream.seen('GET /3 ')
  t.notMatch(upstream.received(), 'GET /5 ')
  client.socket.destroy()
})

t.test('a head that does not end in time is answered 408, however steadily it drips', async t => {
  const upstream = await greeter(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { head-timeout: 1s }\n'))
  const client = await connectRaw(edge)
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
  const drip = setInterval(() => client.write('X: y\r\n'), 50)
  const began = Date.now()
  t.match(await readAll(client), /^HTTP\/1\.1 408 .*\r\nconnection: close\r\n/s)
  clearInterval(drip)
  const took = Date.now() - began
  t.ok(took > 900 && took < 3_000, `after ${took} ms`)
  t.equal(upstream.received(), '')
})

t.test('the time for a head begins anew with each request, and only with its first byte', async t => {
  const upstream = await greeter(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { head-timeout: 1s }\n'))
  const client = await connectRaw(edge)
  client.write(get)
  await readUntil(client, 'hi')
  await new Promise(resolve => setTimeout(resolve, 1_500))
  client.write(get.slice(0, 20))
  t.match(await readAll(client), /^HTTP\/1\.1 408 /, 'an idle connection is not a slow head; half a head is')
})

t.test('an idle connection is closed without a word', async t => {
  const upstream = await greeter(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { keep-alive: 1s }\n'))
  const [used, unused] = [await connectRaw(edge), await connectRaw(edge)]
  used.write(get)
  await readUntil(used, 'hi')
  const began = Date.now()
  t.same(await Promise.all([readAll(used), readAll(unused)]), ['', ''])
  t.ok(Date.now() - began < 3_000)
})

t.test('an idle HTTP/2 connection is closed with a GOAWAY that loses nothing', async t => {
  const upstream = await greeter(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { keep-alive: 1s }\n'))
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  client.request(1, pseudo)
  t.equal(await client.verdict(1), 200)
  const goaway = await client.frame(({ type }) => type === types.goaway)
  t.same([goaway?.payload.readUInt32BE(0), goaway?.payload.readUInt32BE(4)], [1, 0], 'the last stream, and no error')
  await client.closed()
})

t.test('HTTP/2 that says nothing, or half a head, is closed as a slow head is', async t => {
  const upstream = await greeter(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { head-timeout: 1s, keep-alive: 1s }\n'))
  const silent = await connectRaw(edge, 'h2')
  const settled = new H2Frames(await connectRaw(edge, 'h2'))
  const half = new H2Frames(await connectRaw(edge, 'h2'))
  await half.frame(({ type, flags }) => type === types.settings && flags === ACK)
  half.socket.write(frame(types.headers, 0, 1, literal(pseudo)))
  const later = new H2Frames(await connectRaw(edge, 'h2'))
  later.request(1, pseudo)
  t.equal(await later.verdict(1), 200)
  later.socket.write(frame(types.headers, 0, 3, literal(pseudo)))
  await Promise.all([closing(silent.resume()), settled.closed(), half.closed(), later.closed()])
  t.equal(upstream.received().split('HTTP/1.1\r\n').length, 2, 'one request was whole')
})

t.test('a client that takes none of its answer is cut, and the upstream with it', async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
    socket.write(Buffer.alloc(20_000_000))
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { send-timeout: 1s }\n'))
  const client = await connectRaw(edge)
  client.pause()
  client.write(get)
  await upstream.seen('GET /')
  await closing(upstream.connections[0]!)
  t.match(await edge.line(({ code }) => code === 'EDGE_CLIENT_STALLED'), { status: 200, ended: 'client' })
  client.destroy()
})

t.test('an HTTP/2 client that opens no window is cut, and the upstream with it', async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
    socket.write(Buffer.alloc(20_000_000))
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { send-timeout: 1s }\n'))
  const client = new H2Frames(await connectRaw(edge, 'h2'))
  client.request(1, pseudo)
  await upstream.seen('GET /')
  await closing(upstream.connections[0]!)
  t.ok(await client.frame(({ type, stream }) => type === types.reset && stream === 1))
  t.match(await edge.line(({ code }) => code === 'EDGE_CLIENT_STALLED'), { status: 200, ended: 'client' })
  client.socket.destroy()
})

t.test('an upload slower than the limit is ended, and one above it is not', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.includes('the end')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { body-rate: 100 }\n'))
  const post = `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n`
  const slow = await connectRaw(edge)
  slow.write(post)
  const drip = setInterval(() => slow.write('x'.repeat(20)), 500)
  const fast = await connectRaw(edge)
  const answer = readAll(fast)
  let left = 1_000_000
  fast.write(post)
  const stream = setInterval(() => {
    left -= 100
    fast.write('x'.repeat(100))
  }, 500)
  t.match(await readAll(slow), /^HTTP\/1\.1 408 .*EDGE_BODY_TOO_SLOW/s)
  clearInterval(drip)
  clearInterval(stream)
  fast.write(`${'x'.repeat(left - 7)}the end`)
  t.match(await answer, /^HTTP\/1\.1 204 /)
})

t.test('requests beyond the rate are answered 429 with a time to wait, on both protocols', async t => {
  const upstream = await greeter(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { requests-per-second: 1 }\n'))
  const client = await connectRaw(edge)
  for (let i = 0; i < 10; i++) {
    client.write(get)
    await readUntil(client, '\r\n\r\nhi')
  }
  client.write(get)
  const refused = await readUntil(client, '}}\n')
  t.match(refused, /^HTTP\/1\.1 429 /)
  t.match(refused, /\r\nretry-after: \d+\r\n/)
  t.match(refused, 'EDGE_RATE_LIMITED')
  const other = new H2Frames(await connectRaw(edge, 'h2'))
  other.request(1, pseudo)
  t.equal(await other.verdict(1), 429, 'by address, not by connection')
  t.equal(upstream.received().split('HTTP/1.1\r\n').length - 1, 10)
  client.destroy()
  other.socket.destroy()
})

t.test('a head may have as many bytes as the limit says, in either protocol', async t => {
  const upstream = await greeter(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { head: 4k }\n'))
  for (const [size, status] of [
    [3_800, 200],
    [4_200, 431]
  ] as const) {
    const client = await connectRaw(edge)
    client.write(last.replace('\r\n\r\n', `\r\nX: ${'a'.repeat(size)}\r\n\r\n`))
    t.match(await readAll(client), new RegExp(`^HTTP/1\\.1 ${status} `), `${size} bytes`)
    const h2 = new H2Frames(await connectRaw(edge, 'h2'))
    h2.write(types.headers, END_HEADERS | END_STREAM, 1, literal([...pseudo, ['x', 'a'.repeat(size)]]))
    t.equal(await h2.verdict(1), status, `${size} bytes in HTTP/2`)
    h2.socket.destroy()
  }
})
