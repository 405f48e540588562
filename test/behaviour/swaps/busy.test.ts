import t from 'tap'
import { until } from '../../doubles/edge-process.ts'
import { ask } from '../../doubles/foreign-client.ts'
import { promote, slotOf, startPair } from '../../doubles/slot-pair.ts'

t.test('a slot that answers, if slowly, is not taken for dead: nobody is turned away', async t => {
  const pair = await startPair(t)
  pair.edge.setYaml(pair.yaml().replace('timeout: 1s', 'timeout: 100ms'))
  await pair.edge.edge.reload()
  await promote(pair, 'green')
  // As after a flip: it is cold, the machine is busy, and a probe waits behind a thousand users.
  pair.green.health.status = 0
  const before = pair.green.probes()
  while (pair.green.probes() < before + 8) t.equal((await ask(t, pair.edge, 'h1', { path: '/' })).status, 200)
  t.match(slotOf(pair, 'green'), { health: 'up', lastProbe: 'no answer within 100 ms' })
  await until(() => slotOf(pair, 'green').health === 'down', 'without an answer to anybody, it is')
  t.equal((await ask(t, pair.edge, 'h1', { path: '/' })).status, 503)
})

t.test('answers that are errors keep nobody alive', async t => {
  const pair = await startPair(t)
  pair.edge.setYaml(pair.yaml().replace('timeout: 1s', 'timeout: 100ms'))
  await pair.edge.edge.reload()
  pair.blue.health.status = 0
  await until(async () => (await ask(t, pair.edge, 'h1', { path: '/broken' })).status === 503, 'it is down')
})
