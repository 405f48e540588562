import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { request as requestPlain } from 'node:http'
import { Agent, request as requestH1 } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type RunningEdge, startEdge } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { ask, askH2, openH2 } from '../../doubles/foreign-client.ts'
import { pairYaml, promote, slotOf, startPair } from '../../doubles/slot-pair.ts'

type Get = (path: string) => Promise<string>

/** Clients that keep their connections: a flip must not depend on new ones. */
async function keptClients(t: Test, edge: RunningEdge): Promise<Record<'h1' | 'h2', Get>> {
  const session = await openH2(t, edge)
  const agent = new Agent({ keepAlive: true, ca: edge.ca, servername: 'localhost' })
  t.teardown(() => agent.destroy())
  const getH1: Get = path =>
    new Promise((resolve, reject) => {
      const headers = { host: 'localhost' }
      requestH1({ host: '127.0.0.1', port: edge.httpsPort, agent, path, headers }, async response => {
        let body = ''
        for await (const chunk of response) body += chunk
        resolve(body)
      })
        .on('error', reject)
        .end()
    })
  return { h1: getH1, h2: async path => (await askH2(session, { path })).body }
}

t.test('a promote moves every new request and no old one', async t => {
  const pair = await startPair(t)
  const clients = Object.values(await keptClients(t, pair.edge))
  const old = clients.map(get => get('/slow'))
  await until(() => pair.blue.seen.length === 2, 'both are in flight to blue')
  t.match(await promote(pair, 'green', 2), {
    upstream: 'web',
    slot: 'green',
    before: 'blue',
    probes: ['200 ok', '200 ok']
  })
  t.match(slotOf(pair, 'green'), { isActive: true })
  for (const get of clients) for (let i = 0; i < 5; i++) t.equal(await get('/'), 'green')
  t.match(slotOf(pair, 'blue'), { isActive: false, inFlight: 2 })
  pair.blue.release()
  t.same(await Promise.all(old), ['blue', 'blue'])
  t.equal(pair.green.seen.length, 10)
  t.match(await pair.edge.line(({ message }) => message === 'promoted'), {
    upstream: 'web',
    slot: 'green',
    before: 'blue'
  })
})

t.test('a candidate that answers wrongly is not promoted, and nothing has changed', async t => {
  const pair = await startPair(t)
  pair.green.health.body = 'draining'
  const asked = { upstream: 'web', slot: 'green', passes: 1, withinMs: 500 }
  const refused = await pair.edge.edge.slots.promote(asked).catch(error => error)
  t.match(refused, {
    code: 'EDGE_SLOT_UNHEALTHY',
    detail: /web green: .* the last saw 200 draining: the body lacks ok/
  })
  t.ok(pair.green.probes() > 1, 'it was given its time')
  t.match([slotOf(pair, 'blue'), slotOf(pair, 'green')], [{ isActive: true }, { isActive: false }])
  t.equal((await ask(t, pair.edge, 'h1')).body, 'blue')
  await t.rejects(readFile(join(pair.edge.folder, 'active-slots.json')), { code: 'ENOENT' })
})

t.test('good probes count only in a row', async t => {
  const pair = await startPair(t)
  pair.green.health.status = 500
  const promoting = promote(pair, 'green', 3)
  await until(() => pair.green.probes() === 1, 'it was probed once')
  pair.green.health.status = 200
  await until(() => pair.green.probes() === 3, 'and twice more')
  pair.green.health.status = 500
  await until(() => pair.green.probes() === 4, 'and once more')
  pair.green.health.status = 200
  const { probes } = await promoting
  t.same(probes.slice(-4), ['500 ok: expected 200', '200 ok', '200 ok', '200 ok'])
})

t.test('without a health check a connection must open', async t => {
  const pair = await startPair(t, { hasHealth: false })
  t.same((await promote(pair, 'green')).probes, ['a connection opens'])
  pair.blue.close()
  const asked = { upstream: 'web', slot: 'blue', passes: 1, withinMs: 1 }
  await t.rejects(pair.edge.edge.slots.promote(asked), { code: 'EDGE_SLOT_UNHEALTHY', detail: /ECONNREFUSED/ })
  t.match(await pair.edge.edge.slots.probe({ upstream: 'web', slot: 'blue' }), { isGood: false, saw: /ECONNREFUSED/ })
  t.equal((await ask(t, pair.edge, 'h2')).body, 'green')
})

t.test('promoting the slot that serves is no change, and no mistake', async t => {
  const pair = await startPair(t)
  t.same(await promote(pair, 'blue'), { upstream: 'web', slot: 'blue', before: 'blue', probes: [] })
})

t.test('names that are wrong are told, with those that are right', async t => {
  const { edge } = (await startPair(t)).edge
  const asked = { passes: 1, withinMs: 1, withinM: 1 }
  await t.rejects(edge.slots.promote({ ...asked, upstream: 'wbe', slot: 'blue' }), {
    code: 'EDGE_USAGE',
    detail: 'upstream: there is no "wbe" among web; did you mean web?'
  })
  await t.rejects(edge.slots.probe({ upstream: 'web', slot: 'red' }), {
    code: 'EDGE_USAGE',
    detail: 'slot: there is no "red" among blue, green'
  })
})

t.test('the active slot survives a restart, and a reload that changes everything else', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const pair = await startPair(t, { folder })
  await promote(pair, 'green')
  await pair.edge.edge.stop()
  const again = await startEdge(t, pair.yaml(), folder)
  t.equal((await ask(t, again, 'h1')).body, 'green')
  again.setYaml(pair.yaml(', connect-timeout: 3s, keep-alive: 2s').replace('every: 50ms', 'every: 70ms'))
  t.same((await again.edge.reload()).changed, ['upstreams'])
  t.equal((await ask(t, again, 'h1')).body, 'green')
  t.match(slotOf({ edge: again }, 'green'), { isActive: true })
  again.setYaml(pairYaml(pair.green, pair.blue, ''))
  await again.edge.reload()
  t.equal((await ask(t, again, 'h1')).body, 'blue', 'green is a name: this file gives it another origin')
})

t.test('a reload does not let go of what is in flight to a slot that stays', async t => {
  const pair = await startPair(t)
  const old = ask(t, pair.edge, 'h1', { path: '/slow' })
  await until(() => pair.blue.seen.length === 1, 'it is in flight')
  pair.edge.setYaml(pair.yaml(', keep-alive: 2s'))
  await pair.edge.edge.reload()
  t.match(slotOf(pair, 'blue'), { inFlight: 1 }, 'else its container would be stopped under it')
  t.equal(pair.edge.edge.status().inFlight, 1)
  pair.blue.release()
  t.equal((await old).body, 'blue')
  t.equal((await ask(t, pair.edge, 'h1')).body, 'blue')
})

t.test('a candidate that a reload has changed while it was probed is not promoted', async t => {
  const pair = await startPair(t)
  pair.green.health.status = 500
  const promoting = promote(pair, 'green').catch(error => error)
  await until(() => pair.green.probes() === 1, 'it is being probed')
  pair.edge.setYaml(pair.yaml(', keep-alive: 2s'))
  await pair.edge.edge.reload()
  pair.green.health.status = 200
  t.match(await promoting, { code: 'EDGE_SLOT_UNHEALTHY', detail: /configured anew/ })
  t.match(slotOf(pair, 'blue'), { isActive: true })
})

t.test('a promote whose asker has gone is called off: another may be undoing it already', async t => {
  const pair = await startPair(t)
  pair.green.health.status = 500
  const body = JSON.stringify({ upstream: 'web', slot: 'green', passes: 1, withinMs: 60_000 })
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  const socketPath = join(pair.edge.folder, 'control.sock')
  const asker = requestPlain({ socketPath, method: 'POST', path: '/slots/promote', headers })
  asker.on('error', () => {})
  asker.end(body)
  await until(() => pair.green.probes() === 1, 'it is being probed')
  asker.destroy()
  pair.green.health.status = 200
  await pair.edge.line(({ message }) => message === 'not promoted: who asked has gone')
  t.match(slotOf(pair, 'blue'), { isActive: true })
  t.match(await promote(pair, 'green'), { before: 'blue' }, 'and can be asked for again')
})

t.test('what cannot be written to disk is not promoted', async t => {
  const pair = await startPair(t)
  await mkdir(join(pair.edge.folder, 'active-slots.json'))
  await t.rejects(promote(pair, 'green'), { code: 'EDGE_STATE_UNWRITABLE' })
  t.equal((await ask(t, pair.edge, 'h1')).body, 'blue')
})

t.test('promotes at the same time, and a reload, all have their way', async t => {
  const pair = await startPair(t)
  const { edge } = pair.edge
  pair.edge.setYaml(
    pair
      .yaml()
      .replace('routes:', `  api: { slots: { blue: "${pair.blue.origin}", green: "${pair.green.origin}" } }\nroutes:`)
  )
  await edge.reload()
  const asked = { slot: 'green', passes: 1, withinMs: 5_000 }
  await Promise.all([
    edge.slots.promote({ ...asked, upstream: 'web' }),
    edge.slots.promote({ ...asked, upstream: 'api' }),
    edge.reload()
  ])
  const stored = JSON.parse(await readFile(join(pair.edge.folder, 'active-slots.json'), 'utf8'))
  t.same(stored, { web: 'green', api: 'green' })
  t.same(
    edge
      .status()
      .upstreams.filter(({ isActive }) => isActive)
      .map(({ slot }) => slot),
    ['green', 'green']
  )
})

t.test('a slot that had failed, and is promoted again, serves at once', async t => {
  const pair = await startPair(t)
  pair.blue.health.status = 500
  await until(() => slotOf(pair, 'blue').health === 'down', 'blue is down')
  await promote(pair, 'green')
  t.equal((await ask(t, pair.edge, 'h1')).body, 'green')
  pair.blue.health.status = 200
  await promote(pair, 'blue')
  t.match(slotOf(pair, 'blue'), { health: 'up', lastProbe: '200 ok' })
  t.match(slotOf(pair, 'green'), { health: 'unchecked' })
  t.equal((await ask(t, pair.edge, 'h1')).body, 'blue')
  const probes = pair.green.probes()
  const others = pair.blue.probes()
  await until(() => pair.blue.probes() >= others + 3, 'what serves is probed')
  t.equal(pair.green.probes(), probes, 'and nothing else')
})
