import t from 'tap'
import { connectRaw, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, openH2, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const IDLE_MS = 800
const ROUTE = `, idle: ${IDLE_MS}ms`
const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

for (const protocol of protocols) {
  t.test(`an upstream that says nothing is a 504 after the route's idle time (${protocol})`, async t => {
    const closed = Promise.withResolvers<void>()
    const upstream = await startRawUpstream(t, socket => socket.once('close', () => closed.resolve()))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', ROUTE))
    const beganMs = performance.now()
    t.match(await ask(t, edge, protocol), { status: 504, body: /EDGE_UPSTREAM_TIMEOUT/, isComplete: true })
    const tookMs = performance.now() - beganMs
    t.ok(tookMs >= IDLE_MS && tookMs < IDLE_MS + 2_000, `${tookMs} ms`)
    await closed.promise
  })

  t.test(`half a head is no answer (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Le'))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', ROUTE))
    t.match(await ask(t, edge, protocol), { status: 504, body: /EDGE_UPSTREAM_TIMEOUT/ })
  })

  t.test(`an upstream that is slow but alive is waited for, however long it takes in all (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => {
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\n')
      const parts = [HEAD, '1\r\na\r\n', '1\r\nb\r\n', '1\r\nc\r\n', '0\r\n\r\n']
      const dripping = setInterval(() => {
        const part = parts.shift()
        if (part === undefined) clearInterval(dripping)
        else socket.write(part)
      }, IDLE_MS / 2)
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', ROUTE))
    t.match(await ask(t, edge, protocol), { status: 200, body: 'abc', isComplete: true })
  })

  t.test(`an upload that goes on keeps its request alive (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, (socket, text) => {
      if (text.includes('end')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', ROUTE))
    const pieces = ['aaa', 'bbb', 'ccc', 'ddd', 'eee', 'end']
    const h1 = protocol === 'h1' ? await connectRaw(edge) : null
    const h2 = h1 === null ? (await openH2(t, edge)).request({ ':method': 'POST', ':authority': 'localhost' }) : null
    h1?.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${3 * pieces.length}\r\n\r\n`)
    const dripping = setInterval(() => {
      const piece = pieces.shift()
      if (piece === undefined) clearInterval(dripping)
      else (h1 ?? h2)!.write(piece)
    }, IDLE_MS / 2)
    if (h1 !== null) t.match(await readUntil(h1, 'hi'), /^HTTP\/1\.1 200 OK/)
    else t.equal(await new Promise(resolve => h2!.once('response', head => resolve(head[':status']))), 200)
    h1?.destroy()
  })
}

t.test('an upstream that waits for a client which reads nothing is not the silent one', async t => {
  const big = 'x'.repeat(24_000_000)
  const upstream = await startRawUpstream(t, socket =>
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big}`)
  )
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', ROUTE))
  const client = await connectRaw(edge)
  client.pause()
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  await new Promise(resolve => setTimeout(resolve, 3 * IDLE_MS))
  client.resume()
  const answer = await readAll(client)
  t.equal(answer.length - answer.indexOf('\r\n\r\n') - 4, big.length)
  t.match(await edge.line(line => line.path === '/'), { ended: 'complete' })
})

t.test('a client that takes nothing of its answer is cut, and the upstream with it', async t => {
  const closed = Promise.withResolvers<void>()
  const upstream = await startRawUpstream(t, socket => {
    socket.once('close', () => closed.resolve())
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 99000000\r\n\r\n${'x'.repeat(24_000_000)}`)
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { send-timeout: 1s }'))
  const client = await connectRaw(edge)
  client.pause()
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const session = await openH2(t, edge)
  session.setLocalWindowSize(65_535)
  const stream = session.request({ ':path': '/h2', ':authority': 'localhost' })
  stream.on('error', () => {})
  t.match(await edge.line(line => line.path === '/'), { code: 'EDGE_CLIENT_STALLED', ended: 'client' })
  t.match(await edge.line(line => line.path === '/h2'), { code: 'EDGE_CLIENT_STALLED', ended: 'client' })
  await closed.promise
  t.equal(edge.edge.status().inFlight, 0)
  client.destroy()
})
