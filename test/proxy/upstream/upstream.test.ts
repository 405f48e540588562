import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { UpstreamConfig } from '../../../proxy/config/config.ts'
import { Deadlines } from '../../../proxy/deadlines.ts'
import { type InFlight, Slot } from '../../../proxy/upstream/slots/slot.ts'
import { Upstream, type UpstreamContext } from '../../../proxy/upstream/upstream.ts'
import { noPeer } from '../../doubles/no-peer.ts'

const REFUSED = 'http://127.0.0.1:811'
const request: InFlight = { kind: 'request', cut() {}, dismiss() {} }

function context(onHealth: UpstreamContext['onHealth'] = () => {}): UpstreamContext {
  return { deadlines: new Deadlines(), peer: noPeer, promotedSlot: () => undefined, onHealth, onSelfOpened() {} }
}

function config(slots: Record<string, string>, isProbed = false): UpstreamConfig {
  const health = { path: '/', status: 200, body: null, everyMs: 20, timeoutMs: 1_000, fails: 2 }
  const rest = {
    hasElse: false,
    keepAliveMs: 4_000,
    connectMs: 5_000,
    connections: 0,
    health: isProbed ? health : null
  }
  return { name: 'web', slots: new Map(Object.entries(slots)), ...rest }
}

async function startSwitchable(t: Test): Promise<{ origin: string; setHealthy(isHealthy: boolean): void }> {
  let isHealthy = true
  const server = createServer((_, answer) => answer.writeHead(isHealthy ? 200 : 500).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    setHealthy(is) {
      isHealthy = is
    }
  }
}

t.test('requests go to the first slot, and are counted there until they are released', async t => {
  const upstream = new Upstream(config({ blue: REFUSED, green: REFUSED }), context())
  const slot = upstream.admit(request)
  t.equal(slot.name, 'blue')
  t.match(upstream.status, [
    { name: 'web', slot: 'blue', isActive: true, health: 'unchecked', inFlight: 1, connections: 0 },
    { slot: 'green', isActive: false, inFlight: 0 }
  ])
  slot.release(request)
  slot.release(request)
  t.equal(slot.inFlight, 0)
})

t.test('an upstream is down and up again as its probes say, and refuses at once while it is down', async t => {
  const server = await startSwitchable(t)
  const changes: { isUp: boolean; resolve?: () => void }[] = []
  let onChange = (): void => {}
  const changed = (): Promise<void> => new Promise(resolve => (onChange = resolve))
  const onHealth: UpstreamContext['onHealth'] = (name, slot, isUp) => {
    t.strictSame([name, slot], ['web', 'only'])
    changes.push({ isUp })
    onChange()
  }
  const upstream = new Upstream(config({ only: server.origin }, true), context(onHealth))
  t.teardown(() => upstream.stop())
  t.match(upstream.status, [{ health: 'unknown', lastProbe: null }])
  upstream.start()
  server.setHealthy(false)
  await changed()
  t.equal(upstream.isUp, false)
  t.match(upstream.status, [{ health: 'down', lastProbe: '500 : expected 200' }])
  t.throws(() => upstream.admit(request), { code: 'EDGE_UPSTREAM_DOWN', detail: '500 : expected 200' })
  t.equal(upstream.status[0]?.inFlight, 0, 'a refused request is not in flight')
  server.setHealthy(true)
  await changed()
  t.match(upstream.status, [{ health: 'up', lastProbe: '200 ' }])
  t.doesNotThrow(() => upstream.admit(request))
  t.match(changes, [{ isUp: false }, { isUp: true }])
})

t.test('only the active half is probed', async t => {
  const server = await startSwitchable(t)
  const down: string[] = []
  const onHealth: UpstreamContext['onHealth'] = (_, slot) => void down.push(slot)
  const upstream = new Upstream(config({ blue: server.origin, green: REFUSED }, true), context(onHealth))
  upstream.start()
  t.teardown(() => upstream.stop())
  while (upstream.status[0]?.health !== 'up') await new Promise(resolve => setTimeout(resolve, 5))
  t.match(upstream.status, [{ health: 'up' }, { health: 'unchecked', lastProbe: null }])
  t.strictSame(down, [])
})

t.test('a slot knows where it is and what is in flight to it', async t => {
  const slot = new Slot('blue', config({ blue: REFUSED }), { ...context(), onHealth() {} })
  const other: InFlight = { ...request, kind: 'stream' }
  slot.admit(request)
  slot.admit(other)
  t.match(slot, { name: 'blue', origin: REFUSED, inFlight: 2 })
  t.same(slot.load, { requests: 1, streams: 1, webSockets: 0 })
  slot.release(other)
  t.equal(slot.inFlight, 1)
})

t.test('a reload that changes the health check alone is heeded: what is probed, and how', async t => {
  const server = await startSwitchable(t)
  server.setHealthy(false)
  let onChange = (): void => {}
  const down = new Promise<void>(resolve => (onChange = resolve))
  const before = config({ only: server.origin }, true)
  const upstream = new Upstream({ ...before, health: { ...before.health!, status: 500 } }, context(onChange))
  t.teardown(() => upstream.stop())
  upstream.start()
  upstream.configure(before)
  await down
  t.match(upstream.status, [{ health: 'down', lastProbe: '500 : expected 200' }])
})
