import { once } from 'node:events'
import { connect as connectH2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import t from 'tap'
import { readAll, readUntil, yamlFor } from '../../doubles/edge.ts'
import { connectTo, startEdgeProcess } from '../../doubles/edge-process.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n'

t.test('SIGTERM: nothing new is accepted, what is idle closes, what is in flight ends, then exit 0', async t => {
  const web = await startRawUpstream(t, (socket, text) => {
    if (!text.startsWith('GET /late')) socket.write(chunked)
  })
  const edge = await startEdgeProcess(t, yamlFor({ web: web.origin }, 'grace: 20s'))
  const [stream, late, idle, handshaking] = await Promise.all([
    connectTo(edge),
    connectTo(edge),
    connectTo(edge),
    connectTcp(edge.httpsPort, '127.0.0.1')
  ])
  handshaking.on('error', () => {})
  stream.write(get('/stream'))
  await readUntil(stream, 'one')
  late.write(get('/late'))
  await web.seen('GET /late')
  const socket = await connectTo(edge, 'h2')
  const session = connectH2('https://localhost', { createConnection: () => socket })
  const h2 = session.request({ ':path': '/h2' })
  await once(h2, 'data')
  const idleSocket = await connectTo(edge, 'h2')
  const idleSession = connectH2('https://localhost', { createConnection: () => idleSocket })
  await once(idleSession, 'remoteSettings')
  const wentAway = once(session, 'goaway')
  const idleEnds = Promise.all([readAll(idle), once(idleSession, 'close')])

  edge.child.kill('SIGTERM')
  t.match(await edge.line(({ message }) => message === 'stopping'), { inflight: 3 })
  await idleEnds
  t.equal((await wentAway)[0], 0, 'GOAWAY with NO_ERROR')
  await t.rejects(connectTo(edge), { code: 'ECONNREFUSED' })

  web.connections[1]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate')
  t.match(await readAll(late), /^HTTP\/1\.1 200 .*connection: close\r\n.*late$/s)
  web.connections[0]!.write('3\r\ntwo\r\n0\r\n\r\n')
  t.match(await readAll(stream), /two\r\n0\r\n\r\n$/)
  let rest = ''
  h2.on('data', chunk => {
    rest += chunk
  })
  web.connections[2]!.write('3\r\ntwo\r\n0\r\n\r\n')
  await once(h2, 'end')
  t.equal(rest, 'two')
  handshaking.destroy()
  t.same(await edge.exit, { code: 0, signal: null })
  t.match(edge.lines.at(-1), { message: 'stopped', cut: 0 })
})

t.test('what is still in flight after the grace time is cut, never ended as if it were whole; exit 0', async t => {
  const web = await startRawUpstream(t, socket => {
    socket.write(chunked)
  })
  const edge = await startEdgeProcess(t, yamlFor({ web: web.origin }, 'grace: 1s'))
  const stream = await connectTo(edge)
  stream.write(get('/stream'))
  await readUntil(stream, 'one')
  const rest = readAll(stream)
  const socket = await connectTo(edge, 'h2')
  const session = connectH2('https://localhost', { createConnection: () => socket })
  session.on('error', () => {})
  const h2 = session.request({ ':path': '/h2' })
  h2.on('error', () => {})
  await once(h2, 'data')
  h2.resume()
  const closed = once(session, 'close')
  const handshaking = connectTcp(edge.httpsPort, '127.0.0.1')
  handshaking.on('error', () => {})
  await once(handshaking, 'connect')
  const began = performance.now()
  edge.child.kill('SIGTERM')
  t.same(await edge.exit, { code: 0, signal: null })
  const tookMs = performance.now() - began
  t.ok(tookMs > 900 && tookMs < 4_000, `the grace time, not the handshake's: ${tookMs} ms`)
  t.notMatch(await rest, /0\r\n\r\n$/)
  await closed
  t.equal(h2.readableEnded, false)
  t.match(edge.lines.at(-1), { message: 'stopped', cut: 2 })
  t.match(
    edge.lines.filter(line => line.path !== undefined),
    [
      { path: '/stream', ended: 'edge', code: 'EDGE_STOPPING' },
      { path: '/h2', ended: 'edge', code: 'EDGE_STOPPING' }
    ]
  )
})

t.test('a port that a reload took away holds up the stop no longer than any other', async t => {
  const web = await startRawUpstream(t, socket => {
    socket.write(chunked)
  })
  const yaml = yamlFor({ web: web.origin }, 'grace: 0s')
  const edge = await startEdgeProcess(t, yaml)
  const stream = await connectTo(edge)
  stream.write(get('/'))
  await readUntil(stream, 'one')
  await edge.write(yaml.replace('https: "127.0.0.1:0"', 'https: "127.0.0.2:0"'))
  edge.child.kill('SIGHUP')
  await edge.line(({ message }) => message === 'reloaded')
  edge.child.kill('SIGTERM')
  t.same(await edge.exit, { code: 0, signal: null })
})

t.test('asked again, it exits at once', async t => {
  const web = await startRawUpstream(t, socket => {
    socket.write(chunked)
  })
  const edge = await startEdgeProcess(t, yamlFor({ web: web.origin }, 'grace: 60s'))
  const stream = await connectTo(edge)
  stream.write(get('/stream'))
  await readUntil(stream, 'one')
  const asking = setInterval(() => edge.child.kill('SIGINT'), 300)
  t.teardown(() => clearInterval(asking))
  const began = performance.now()
  t.same(await edge.exit, { code: 130, signal: null })
  t.ok(performance.now() - began < 5_000)
  t.match(edge.lines.at(-1), { message: 'stopping' }, 'and what it had logged is there')
})

t.test('the same press of Ctrl-C, passed on by npm a moment later, is no second one', async t => {
  const web = await startRawUpstream(t, socket => {
    socket.write(chunked)
  })
  const edge = await startEdgeProcess(t, yamlFor({ web: web.origin }, 'grace: 1s'))
  const stream = await connectTo(edge)
  stream.write(get('/stream'))
  await readUntil(stream, 'one')
  edge.child.kill('SIGINT')
  await edge.line(({ message }) => message === 'stopping')
  edge.child.kill('SIGINT')
  t.same(await edge.exit, { code: 0, signal: null })
})

t.test('a probe of a silent upstream does not hold up the end', async t => {
  const web = await startRawUpstream(t, () => {})
  const health = 'health: { path: /up, timeout: 60s } }'
  const edge = await startEdgeProcess(
    t,
    yamlFor({ web: web.origin }).replace(`${web.origin}" }`, `${web.origin}", ${health}`)
  )
  await web.seen('GET /up')
  const began = performance.now()
  edge.child.kill('SIGTERM')
  t.same(await edge.exit, { code: 0, signal: null })
  t.ok(performance.now() - began < 3_000)
})
