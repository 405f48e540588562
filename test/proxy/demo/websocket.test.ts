import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { startDemoApi } from '../../../proxy/demo/api.ts'

async function demo(t: Test): Promise<string> {
  const api = await startDemoApi()
  t.teardown(() => api.close())
  return `${api.origin.replace('http', 'ws')}/api/v1`
}

async function opened(t: Test): Promise<WebSocket> {
  const socket = new WebSocket(`${await demo(t)}/ws`, { perMessageDeflate: false })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

t.test('text and binary come back as they went, at every width of the length field', async t => {
  const socket = await opened(t)
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
    const message = Buffer.alloc(length, 'é')
    socket.send(message)
    const [echo, isBinary] = await once(socket, 'message')
    t.ok(isBinary && message.equals(echo), `${length} bytes`)
  }
  socket.send('你好, edge')
  const [echo, isBinary] = await once(socket, 'message')
  t.equal(String(echo), '你好, edge')
  t.notOk(isBinary)
})

t.test('a message in fragments comes back whole, and in order', async t => {
  const socket = await opened(t)
  socket.send('one ', { fin: false })
  socket.send('two ', { fin: false })
  socket.send('three', { fin: true })
  const [echo] = await once(socket, 'message')
  t.equal(String(echo), 'one two three')
})

t.test('a ping is answered with what it carried', async t => {
  const socket = await opened(t)
  socket.ping('still there?')
  const [payload] = await once(socket, 'pong')
  t.equal(String(payload), 'still there?')
})

t.test('a close is returned with its code', async t => {
  const socket = await opened(t)
  socket.close(4001, 'enough')
  const [code] = await once(socket, 'close')
  t.equal(code, 4001)
})

t.test('a frame that is too large, or not masked, ends the connection with the code for it', async t => {
  const large = await opened(t)
  large.send(Buffer.alloc(1_100_000))
  const [code] = await once(large, 'close')
  t.equal(code, 1009)
  const plain = await opened(t)
  plain.send('bare', { mask: false })
  const [plainCode] = await once(plain, 'close')
  t.equal(plainCode, 1002)
})

t.test('a refusal is a plain answer with its own body', async t => {
  const socket = new WebSocket(`${await demo(t)}/ws-forbidden`)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  t.equal(response.statusCode, 403)
  let body = ''
  for await (const chunk of response) body += chunk
  t.equal(body, '{"detail":"No WebSocket for you"}')
})

t.test('frames that came with the handshake, or in two pieces, are not lost', async t => {
  const { hostname, port } = new URL(await demo(t))
  const socket = connect(Number(port), hostname).setEncoding('latin1')
  t.teardown(() => socket.destroy())
  const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]) // "hi", masked with zeroes
  const head = 'GET /api/v1/ws HTTP/1.1\r\nHost: demo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  socket.write(
    Buffer.concat([Buffer.from(`${head}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`), frame.subarray(0, 3)])
  )
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  await once(socket, 'data')
  t.match(text, /^HTTP\/1.1 101 Switching Protocols\r\n/)
  socket.write(frame.subarray(3))
  while (!text.endsWith('\x81\x02hi')) await once(socket, 'data')
  t.pass('the echo came')
})
