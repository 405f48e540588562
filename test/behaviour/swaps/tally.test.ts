import { request as requestH1 } from 'node:https'
import t from 'tap'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { slotOf, startPair } from '../../doubles/slot-pair.ts'

for (const protocol of protocols) {
  t.test(
    `${protocol}: a tally counts what clients saw: a 500 and a cut answer failed, one who left did not`,
    async t => {
      const pair = await startPair(t)
      const tally = () => slotOf(pair, 'blue').tally
      t.match(tally(), { requests: 0, failed: 0, streamsCut: 0, longestMs: 0 })
      await ask(t, pair.edge, protocol)
      t.match(tally(), { requests: 1, failed: 0 })
      t.ok(tally().longestMs > 0)
      await ask(t, pair.edge, protocol, { path: '/broken' })
      t.match(tally(), { requests: 2, failed: 1 })
      const big = await ask(t, pair.edge, protocol, { method: 'POST', path: '/small', body: 'x'.repeat(2_000) })
      t.equal(big.status, 413)
      t.match(tally(), { requests: 3, failed: 1 }, 'that was the client’s doing')

      let text = ''
      const stream = ask(t, pair.edge, protocol, { path: '/events', onData: piece => (text += piece) })
      await until(() => text !== '', 'the stream has begun')
      pair.blue.close()
      t.notOk((await stream).isComplete)
      t.match(tally(), { requests: 4, failed: 2, streamsCut: 1 }, 'a 200 that was cut short has failed')
      await ask(t, pair.edge, protocol)
      t.match(tally(), { requests: 5, failed: 3, streamsCut: 1 })

      const since = tally().since
      t.match(pair.edge.edge.slots.tally({ upstream: 'web' }), { requests: 5, failed: 3, since })
      t.match(tally(), { requests: 0, failed: 0, streamsCut: 0, longestMs: 0 })
      t.ok(tally().since >= since)
    }
  )
}

t.test('a client that leaves in the middle has not been failed', async t => {
  const pair = await startPair(t)
  const { edge } = pair
  const target = {
    host: '127.0.0.1',
    port: edge.httpsPort,
    ca: edge.ca,
    servername: 'localhost',
    agent: false
  } as const
  const leaver = requestH1({ ...target, path: '/events', headers: { host: 'localhost' } }, response => {
    response.once('data', () => leaver.destroy())
    response.on('error', () => {})
  })
  leaver.on('error', () => {})
  leaver.end()
  t.match(await edge.line(({ path }) => path === '/events'), { code: 'EDGE_CLIENT_CLOSED' })
  t.match(slotOf(pair, 'blue').tally, { requests: 1, failed: 0, streamsCut: 0 })
})

t.test('each upstream has its own, and a reload does not empty it', async t => {
  const upstream = await startRawUpstream(
    t,
    socket => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
  )
  const edge = await startEdge(t, yamlFor({ web: upstream.origin, api: upstream.origin }))
  await ask(t, edge, 'h1', { path: '/api/' })
  await ask(t, edge, 'h1', { path: '/api/' })
  await ask(t, edge, 'h1', { path: '/nowhere' })
  edge.setYaml(
    yamlFor({ web: upstream.origin, api: upstream.origin }).replace(/origin: ("[^"]+")/g, 'origin: $1, keep-alive: 1s')
  )
  t.same((await edge.edge.reload()).changed, ['upstreams'])
  const counts = edge.edge.status().upstreams.map(({ name, tally }) => [name, tally.requests])
  t.same(counts, [
    ['web', 1],
    ['api', 2]
  ])
})
