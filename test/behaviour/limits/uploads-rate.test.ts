import t from 'tap'
import { connectRaw, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, openH2, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

// The edge measures over ten seconds of its own clock, so all of them wait at the same time.
t.jobs = 6

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
const FAST = 'limits: { body-rate: 100k }'
const UPSTREAM_SILENCE_MS = 12_000
/** More than the sockets between client and upstream hold. */
const BODY = Buffer.alloc(24 * 1024 * 1024, 'x')

t.test('an upload below the least rate is a 408 (h1)', async t => {
  const upstream = await startRawUpstream(t, () => {})
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, FAST))
  const client = await connectRaw(edge)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n')
  const dripping = setInterval(() => client.write('x'), 500)
  t.teardown(() => clearInterval(dripping))
  const answer = await readAll(client)
  t.match(answer, /^HTTP\/1\.1 408 [\s\S]*EDGE_BODY_TOO_SLOW/)
  t.match(await edge.line(line => line.path === '/'), { code: 'EDGE_BODY_TOO_SLOW', status: 408 })
})

t.test('an upload below the least rate is a 408 (h2)', async t => {
  const upstream = await startRawUpstream(t, () => {})
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, FAST))
  const client = (await openH2(t, edge)).request({ ':method': 'POST', ':path': '/', ':authority': 'localhost' })
  const dripping = setInterval(() => client.write('x'), 500)
  t.teardown(() => clearInterval(dripping))
  client.on('error', () => {})
  const body = new Promise<string>(resolve => client.once('data', data => resolve(String(data))))
  t.equal(await new Promise(resolve => client.once('response', head => resolve(head[':status']))), 408)
  t.match(await body, 'EDGE_BODY_TOO_SLOW')
})

t.test('a client that is held up by a slow upstream is not the slow one (h1)', async t => {
  const upstream = await startSleepingUpstream(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, FAST))
  const client = await connectRaw(edge)
  client.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${BODY.length}\r\n\r\n`)
  client.write(BODY)
  t.match(await readUntil(client, 'hi'), /^HTTP\/1\.1 200 OK/)
  client.destroy()
})

t.test('a client that is held up by a slow upstream is not the slow one (h2)', async t => {
  const upstream = await startSleepingUpstream(t)
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, FAST))
  const client = (await openH2(t, edge)).request({
    ':method': 'POST',
    ':path': '/',
    ':authority': 'localhost',
    'content-length': BODY.length
  })
  client.on('error', () => {})
  let at = 0
  const send = (): void => {
    while (at < BODY.length) {
      at += 65_536
      if (!client.write(BODY.subarray(at - 65_536, at))) return
    }
    client.end()
  }
  client.on('drain', send)
  send()
  t.equal(await new Promise(resolve => client.once('response', head => resolve(head[':status']))), 200)
})

for (const protocol of protocols) {
  t.test(`a body that is there whole is waited for no more, however long the answer takes (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, (socket, text) => {
      if (!text.endsWith('whole\r\n0\r\n\r\n')) return
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhi')
      setTimeout(() => socket.write('ho'), UPSTREAM_SILENCE_MS)
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    // To a connection that is still being made: the body is held up, and let go when it has ended.
    const answer = await ask(t, edge, protocol, { method: 'POST', body: 'whole' })
    t.match(answer, { status: 200, body: 'hiho', isComplete: true })
  })
}

/** Reads a head, then nothing for longer than the rate is measured over, then everything. */
async function startSleepingUpstream(t: Parameters<typeof startRawUpstream>[0]) {
  let bytes = 0
  return startRawUpstream(t, (socket, text) => {
    if (bytes === 0) {
      socket.pause()
      setTimeout(() => socket.resume(), UPSTREAM_SILENCE_MS)
    }
    bytes += text.length
    if (bytes >= BODY.length) socket.write(OK)
  })
}
