import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import { connectRaw, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const REFUSAL = 'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno'
/** More than an upstream that reads nothing is sent. */
const BODY = 'x'.repeat(4_000_000)

/** Ways in which an upstream stops listening once it has refused an upload. */
const endings: Record<string, (socket: Socket) => void> = {
  'and resets': socket => void socket.resetAndDestroy(),
  'and closes with the rest unread': socket => void socket.pause().end(() => socket.destroy()),
  'and stays open, taking nothing': socket => void socket.pause()
}

for (const [how, end] of Object.entries(endings)) {
  for (const protocol of protocols) {
    t.test(`the answer of an upstream that refuses an upload ${how} reaches the client (${protocol})`, async t => {
      const upstream = await startRawUpstream(t, (socket, text) => {
        if (!text.startsWith('POST')) return
        socket.write(REFUSAL)
        end(socket)
      })
      const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
      // Several times: what is lost to a reset is lost by the order of packets.
      for (let i = 0; i < 5; i++) {
        t.match(await ask(t, edge, protocol, { method: 'POST', body: BODY }), {
          status: 401,
          body: 'no',
          isComplete: true
        })
      }
    })
  }
}

for (const protocol of protocols) {
  t.test(`the refusal of a Node server, which closes behind it, reaches the client (${protocol})`, async t => {
    const server = createServer((_request, answer) => answer.writeHead(401, { connection: 'close' }).end('no'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const edge = await startEdge(t, yamlFor({ web: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
    for (let i = 0; i < 5; i++) {
      t.match(await ask(t, edge, protocol, { method: 'POST', body: BODY }), {
        status: 401,
        body: 'no',
        isComplete: true
      })
    }
  })
}

t.test('an early answer does not leave half an upload on a connection that is used again', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.startsWith('POST')) socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno')
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nours')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\npart')
  const answer = await readAll(client)
  t.match(answer, /^HTTP\/1\.1 401 [\s\S]*connection: close\r\n/, 'the client is told that its connection ends')
  t.match(await ask(t, edge, 'h1'), { status: 200, body: 'ours' })
  t.equal(upstream.connections.length, 2)
})
