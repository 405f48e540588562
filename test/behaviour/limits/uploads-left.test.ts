import { once } from 'node:events'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

async function edgeTo(t: Test, more: string, route: string): Promise<RunningEdge> {
  const upstream = await startRawUpstream(t, () => {})
  return startEdge(t, yamlFor({ web: upstream.origin }, more, route))
}

t.test('a refused upload of no declared length leaves no connection behind', { timeout: 20_000 }, async t => {
  const edge = await edgeTo(t, '', ', body: 1k')
  const client = await connectRaw(edge)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  client.write(`5dc\r\n${'b'.repeat(1_500)}\r\n400000\r\n`)
  await edge.line(({ status }) => status === 413)
  client.write(Buffer.alloc(1_000_000, 'z'))
  client.destroy()
  await until(() => edge.edge.status().connections === 0, 'the connection is gone')
})

t.test('a refused upload that never ends is lingered for a few seconds, not for ever', { timeout: 20_000 }, async t => {
  const edge = await edgeTo(t, '', ', body: 1k')
  const client = await connectRaw(edge)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  client.write(`5dc\r\n${'b'.repeat(1_500)}\r\n400000\r\n`)
  client.resume()
  await once(client, 'close')
  await until(() => edge.edge.status().connections === 0, 'the connection is gone')
})

t.test('an upload that pauses longer than the route bears is the late one, not the upstream', async t => {
  const edge = await edgeTo(t, '', ', idle: 1s')
  const client = await connectRaw(edge)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf')
  t.match(await edge.line(({ status }) => status === 408), { code: 'EDGE_BODY_TOO_SLOW' })
})
