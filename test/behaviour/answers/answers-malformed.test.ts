import type { Socket } from 'node:net'
import t from 'tap'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols, valuesOf } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

/** None of them is ended by the upstream: each has to be refused for what it says. */
const malformed: Record<string, string> = {
  'both lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi',
  'two equal lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi',
  'a length list': 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi',
  'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi',
  'another transfer coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'chunked twice': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'no status': 'HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nhi',
  'a status above 599': 'HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\nhi',
  'a status below 100': 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nhi',
  'HTTP/2 unasked': 'HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  'HTTP/0.9': 'hi',
  'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n',
  'bare LFs': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nhi',
  'one bare LF': 'HTTP/1.1 200 OK\r\nX-A: 1\nContent-Length: 2\r\n\r\nhi',
  'a bare CR': 'HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nContent-Length: 2\r\n\r\nhi',
  'a NUL': 'HTTP/1.1 200 OK\r\nX-A: 1\0\r\nContent-Length: 2\r\n\r\nhi',
  'a folded field': 'HTTP/1.1 200 OK\r\nX-A: 1\r\n more\r\nContent-Length: 2\r\n\r\nhi',
  'a space before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi',
  'a field without colon': 'HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 2\r\n\r\nhi',
  'a huge head': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}\r\nContent-Length: 2\r\n\r\nhi`,
  'a head without end': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}`,
  'too many fields': `HTTP/1.1 200 OK\r\n${'X-A: 1\r\n'.repeat(300)}Content-Length: 2\r\n\r\nhi`,
  '101 to a plain request': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
  'a bad interim answer': 'HTTP/1.1 103 Hints\r\nLink : </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
}

function closed(socket: Socket): Promise<void> {
  return socket.destroyed ? Promise.resolve() : new Promise(resolve => socket.once('close', () => resolve()))
}

for (const [what, answer] of Object.entries(malformed)) {
  t.test(`an upstream that answers with ${what} is a 502, and its connection is closed`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write(answer, 'latin1'))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    for (const [i, protocol] of protocols.entries()) {
      const got = await ask(t, edge, protocol)
      t.match(got, { status: 502, body: /EDGE_UPSTREAM_MALFORMED/, isComplete: true }, protocol)
      t.strictSame(valuesOf(got.headers, 'x-a'), [], 'nothing of it reaches the client')
      t.equal(upstream.connections.length, i + 1, 'the connection is not used again')
      await closed(upstream.connections[i]!)
    }
  })
}

t.test("bytes behind the end of an answer are nobody's answer", async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray'
    if (text.startsWith('GET /at-once')) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi${stray}`)
    else if (text.startsWith('GET /later')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
      setTimeout(() => socket.write(stray), 50)
    } else if (text.startsWith('GET /chunks')) {
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n${stray}`)
    } else if (text.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nours')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  for (const what of [{ path: '/at-once' }, { path: '/later' }, { path: '/chunks' }, { method: 'HEAD' }]) {
    const before = upstream.connections.length
    t.match(await ask(t, edge, 'h1', what), { status: 200, isComplete: true })
    if (what.path !== '/later') t.equal(edge.edge.status().upstreams[0]?.connections, 0, 'closed with the answer')
    await closed(upstream.connections[before]!)
    t.match(await ask(t, edge, 'h1', { path: '/next' }), { status: 200, body: 'ours' })
    t.equal(upstream.connections.length, before + 2, 'the next request went out on a fresh connection')
    upstream.connections.at(-1)!.destroy()
    await closed(upstream.connections.at(-1)!)
  }
})
