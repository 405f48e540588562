import { once } from 'node:events'
import t from 'tap'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { askH2, openH2 } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

/** More than a stranger may reset: see floods.test.ts. */
const RESETS = 250

t.test('a trusted proxy may carry many users who leave: its connection is not cut for their resets', async t => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.startsWith('GET /last')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'trusted-proxies: [127.0.0.1]\n'))
  const session = await openH2(t, edge)
  for (let i = 0; i < RESETS; i++) {
    const left = session.request({ ':path': `/left-${i}` })
    left.on('error', () => {})
    await upstream.seen(`GET /left-${i} `)
    left.close(8)
    await once(left, 'close')
  }
  t.match(await askH2(session, { path: '/last' }), { status: 200 })
})
