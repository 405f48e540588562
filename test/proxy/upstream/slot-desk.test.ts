import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { UpstreamConfig } from '../../../proxy/config/config.ts'
import { Deadlines } from '../../../proxy/deadlines.ts'
import { SlotDesk } from '../../../proxy/upstream/slot-desk.ts'
import { ActiveSlots } from '../../../proxy/upstream/slots/active-slots.ts'
import { Upstream } from '../../../proxy/upstream/upstream.ts'
import { noPeer } from '../../doubles/no-peer.ts'

t.test('who leaves while the disk is busy has called it off, there too', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-desk-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const server = createServer((_, answer) => answer.end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const slots = new Map([
    ['blue', origin],
    ['green', origin]
  ])
  const config: UpstreamConfig = {
    name: 'web',
    slots,
    hasElse: false,
    keepAliveMs: 4_000,
    connectMs: 5_000,
    connections: 0,
    health: null
  }
  const active = await ActiveSlots.load(folder, new Date(), () => {})
  const told: string[] = []
  const upstream = new Upstream(config, {
    deadlines: new Deadlines(),
    peer: noPeer,
    promotedSlot: () => undefined,
    onHealth() {},
    onSelfOpened() {}
  })
  const desk = new SlotDesk({
    upstreams: () => new Map([['web', upstream]]),
    active,
    inTurn: change => change(),
    tell: message => told.push(message)
  })
  const asker = new AbortController()
  const store = active.store.bind(active)
  active.store = async (...pair) => {
    await store(...pair)
    asker.abort()
  }
  const asked = { upstream: 'web', slot: 'green', passes: 1, withinMs: 1_000 }
  const gone = desk.promote({ ...asked, passes: 100, withinMs: 3_600_000 }, AbortSignal.abort())
  await t.rejects(gone, { code: 'EDGE_SLOT_UNHEALTHY' }, 'for whom nobody waits, nothing is probed an hour long')
  told.length = 0
  await t.rejects(desk.promote(asked, asker.signal), { code: 'EDGE_SLOT_UNHEALTHY', detail: /who asked has gone/ })
  t.equal(upstream.active.name, 'blue')
  t.same(JSON.parse(await readFile(join(folder, 'active-slots.json'), 'utf8')), { web: 'blue' }, 'after a restart too')
  t.same(told, ['not promoted: who asked has gone'])
  t.match(await desk.promote(asked), { before: 'blue' })
  t.equal(upstream.active.name, 'green')
})
