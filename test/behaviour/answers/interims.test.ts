import t from 'tap'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

for (const protocol of protocols) {
  t.test(`a flood of interim answers is no answer (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => {
      socket.write('HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n'.repeat(8_000) + GOOD)
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    t.match(await ask(t, edge, protocol, { path: '/' }), { status: 502 })
    t.match(await edge.line(({ status }) => status === 502), { code: 'EDGE_UPSTREAM_MALFORMED' })
  })

  t.test(`an interim answer loses its length, and odd names harm nothing (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => {
      socket.write('HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\nconstructor: v\r\n__proto__: w\r\n\r\n')
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n')
      socket.write('constructor: v\r\n__proto__: w\r\nhttp2-settings: x\r\n\r\n')
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    const answer = await ask(t, edge, protocol, { path: '/' })
    t.match(answer, { status: 200 })
    t.equal(answer.body.toString(), 'hi')
  })
}
