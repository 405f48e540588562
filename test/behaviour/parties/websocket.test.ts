import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { startDemoApi } from '../../../proxy/demo/api.ts'
import { type RunningEdge, startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'

async function start(t: Test): Promise<RunningEdge> {
  const api = await startDemoApi()
  t.teardown(() => api.close())
  return startEdge(t, yamlFor({ api: api.origin }))
}

function open(t: Test, edge: RunningEdge, path = '/api/v1/ws'): WebSocket {
  const socket = new WebSocket(`wss://localhost:${edge.httpsPort}${path}`, { ca: edge.ca, perMessageDeflate: false })
  // A socket that is given up before it opened says so.
  socket.on('error', () => {})
  t.teardown(() => socket.terminate())
  return socket
}

const isOver = (edge: RunningEdge): Promise<void> =>
  until(() => edge.edge.status().inFlight === 0 && edge.edge.status().connections === 0, 'nothing is in flight')

t.test('text and binary come back as they went, 5 MB of them too', async t => {
  const edge = await start(t)
  const socket = open(t, edge)
  await once(socket, 'open')
  socket.send('工作簿.xlsx')
  t.equal(String((await once(socket, 'message'))[0]), '工作簿.xlsx')
  const bytes = randomBytes(5 * 1024 * 1024)
  const back = once(socket, 'message')
  // The demo echoes frames of up to 1 MB.
  for (let at = 0; at < bytes.length; at += 1024 * 1024) {
    socket.send(bytes.subarray(at, at + 1024 * 1024), { fin: at + 1024 * 1024 === bytes.length })
  }
  const [message, isBinary] = await back
  t.ok(isBinary)
  t.ok(bytes.equals(message))
  socket.ping('still there?')
  t.equal(String((await once(socket, 'pong'))[0]), 'still there?')

  socket.close(1000, 'done')
  t.equal((await once(socket, 'close'))[0], 1000)
  await isOver(edge)
  const line = await edge.line(({ path }) => path === '/api/v1/ws')
  t.match(line, { status: 101, ended: 'complete', protocol: 'HTTP/1.1', upstream: 'api' })
  t.ok(Number(line.in) > bytes.length && Number(line.out) > bytes.length, 'its bytes are counted, both ways')
})

t.test('a refusal by the upstream reaches the client with its status and its body', async t => {
  const edge = await start(t)
  const socket = open(t, edge, '/api/v1/ws-forbidden')
  const [, answer] = await once(socket, 'unexpected-response')
  t.equal(answer.statusCode, 403)
  t.equal(answer.headers['content-type'], 'application/json')
  let body = ''
  for await (const chunk of answer) body += chunk
  t.same(JSON.parse(body), { detail: 'No WebSocket for you' })
  await until(() => edge.edge.status().inFlight === 0, 'nothing is in flight')
})

t.test('an upgrade to an upstream that is not there is a 502 with the code', async t => {
  const edge = await startEdge(t, yamlFor({ api: 'http://127.0.0.1:9' }))
  const [, answer] = await once(open(t, edge), 'unexpected-response')
  t.equal(answer.statusCode, 502)
  answer.resume()
  await until(() => edge.edge.status().inFlight === 0, 'nothing is in flight')
})

t.test('fifty sockets that end in every way leave nothing in flight', async t => {
  const edge = await start(t)
  const sockets = Array.from({ length: 50 }, () => open(t, edge))
  await Promise.all(sockets.map(socket => once(socket, 'open')))
  t.equal(edge.edge.status().inFlight, 50)
  for (const [i, socket] of sockets.entries()) {
    if (i % 3 === 0) socket.terminate()
    else if (i % 3 === 1) socket.close()
    else socket.send(Buffer.alloc(2 * 1024 * 1024)) // more than the demo takes: it closes with 1009
  }
  await isOver(edge)
  t.equal(edge.edge.status().upstreams[0]!.connections, 0)
})
