import t from 'tap'
import { connectRaw, startEdge, yamlFor } from '../doubles/edge.ts'
import { H2Frames } from '../doubles/h2-frames.ts'
import { startRawUpstream } from '../doubles/raw-upstream.ts'
import { malformedH2 } from '../fixtures/malformed-h2.ts'
t.test('x', async t => {
  const upstream = await startRawUpstream(t, socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi') })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'limits: { head: 8k }\n'))
  for (const { name, bytes, verdict } of malformedH2) {
    const before = upstream.received().length
    const client = new H2Frames(await connectRaw(edge, 'h2'))
    client.socket.write(bytes)
    const v = await Promise.race([client.verdict(1), new Promise(r => setTimeout(r, 1500, 'TIMEOUT'))])
    client.socket.destroy()
    await new Promise(r => setTimeout(r, 20))
    if (v !== verdict || upstream.received().length !== before) console.log(name, '| want', verdict, 'got', v, JSON.stringify(upstream.received().slice(before)).slice(0, 150))
  }
})
