import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { startDemoApi } from '../../../proxy/demo/api.ts'

async function demo(t: Test): Promise<string> {
  const api = await startDemoApi({ server: 'blue' })
  t.teardown(() => api.close())
  return `${api.origin}/api/v1`
}

/** Everything that a raw socket is given, until the other side ends it. */
async function raw(url: string, path: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n`)
  let text = ''
  for await (const chunk of socket.setEncoding('latin1')) text += chunk
  return text
}

t.test('health is as the real app says it', async t => {
  const response = await fetch(`${await demo(t)}/health`)
  t.equal(await response.text(), '{"status":"ok"}')
  t.match(response.headers.get('x-demo-server'), /^blue, pid \d+$/)
})

t.test('an upload is counted and hashed', async t => {
  const body = Buffer.alloc(3_000_000, 'x')
  const response = await fetch(`${await demo(t)}/upload`, { method: 'POST', body })
  const sha256 = createHash('sha256').update(body).digest('hex')
  t.match(await response.json(), { bytes: 3_000_000, sha256, ms: Number })
})

t.test('echo tells what reached the upstream, as it reached it', async t => {
  const url = await demo(t)
  const response = await fetch(`${url}/echo?a=%2F&&b`, { method: 'PUT', body: 'four', headers: { 'X-Two': 'a, b' } })
  const seen = (await response.json()) as { headers: string[][] }
  t.match(seen, { method: 'PUT', url: '/api/v1/echo?a=%2F&&b', protocol: 'HTTP/1.1', bytes: 4, server: 'blue' })
  t.ok(seen.headers.some(([name, value]) => name?.toLowerCase() === 'x-two' && value === 'a, b'))
})

t.test('a slow answer takes its time', async t => {
  const url = await demo(t)
  const began = performance.now()
  t.same(await (await fetch(`${url}/slow?ms=120`)).json(), { waited: 120 })
  t.ok(performance.now() - began >= 115)
})

t.test('any status can be asked for, and those without a body have none', async t => {
  const url = await demo(t)
  t.equal((await fetch(`${url}/status/503`)).status, 503)
  t.equal((await fetch(`${url}/status/999`)).status, 400)
  t.match(await raw(url, '/api/v1/status/204'), /^HTTP\/1.1 204 .*\r\n\r\n$/s)
  t.equal((await fetch(`${url}/nowhere`)).status, 404)
  t.equal((await fetch(`${url}/constructor`)).status, 404)
  t.equal((await fetch(`${url}/ws`)).status, 426)
})

t.test('a download has the length that was asked for', async t => {
  const response = await fetch(`${await demo(t)}/download?bytes=200000`)
  t.equal(response.headers.get('content-length'), '200000')
  t.equal((await response.arrayBuffer()).byteLength, 200_000)
})

t.test('an upstream dies before it answers', async t => {
  t.equal(await raw(await demo(t), '/api/v1/die'), '')
})

t.test('an upstream dies in the middle: so many bytes, and never the last chunk', async t => {
  const text = await raw(await demo(t), '/api/v1/die?after=100')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  t.match(head, /transfer-encoding: chunked/i)
  t.match(body, /^64\r\n/)
  t.equal(body.length, '64\r\n'.length + 100 + '\r\n'.length)
})

t.test('an upstream dies after its head', async t => {
  t.match(await raw(await demo(t), '/api/v1/die?after=0'), /^HTTP\/1.1 200 OK\r\n.*\r\n\r\n$/s)
})

t.test('an upgrade to anything but WebSocket is ignored', async t => {
  const { hostname, port } = new URL(await demo(t))
  const socket = connect(Number(port), hostname)
  socket.end('GET /api/v1/health HTTP/1.1\r\nHost: demo\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n')
  let text = ''
  for await (const chunk of socket.setEncoding('latin1')) text += chunk
  t.match(text, /^HTTP\/1.1 200 OK/)
})

t.test('a taken port is an error, not an uncaught one', async t => {
  const port = Number(new URL(await demo(t)).port)
  await t.rejects(startDemoApi({ port }), { code: 'EADDRINUSE' })
})

t.test('a close ends at once, whatever is open', { timeout: 5_000 }, async t => {
  const api = await startDemoApi()
  const stream = await fetch(`${api.origin}/api/v1/chat/stream?ms=600000`)
  await api.close()
  await t.rejects(stream.text(), 'the stream was cut')
})
