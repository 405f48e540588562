import t from 'tap'
import type { EdgeConfig } from '../../../proxy/config/config.ts'
import { readConfig } from '../../../proxy/config/load.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import type { Log } from '../../../proxy/record/log.ts'
import { applicable, changesBetween, ReloadQueue } from '../../../proxy/wiring/reload.ts'

const config = (more = ''): EdgeConfig =>
  readConfig(
    `server: single\ndomains: [a.test]\nupstreams: { web: { origin: http://127.0.0.1:1 } }\n` +
      `routes: [{ path: /, upstream: web }]\n${more}`,
    'edge.yaml',
    {}
  )
const none = { status: [] }

t.test('changes are told under the names that the operator wrote', async t => {
  const between = (more: string): string[] => changesBetween([config(), none], [config(more), none])
  t.same(between(''), [])
  t.same(between('grace: 5s'), ['grace'])
  t.same(between('trusted-proxies: [10.0.0.0/8]'), ['trusted-proxies'])
  t.same(between('limits: { streams: 5 }\nlog: { level: warn }'), ['limits', 'log'])
  t.same(between('control: { listen: 9100 }'), ['control (from the next start on)'])
  t.same(changesBetween([config(), none], [config(), { status: ['new'] }]), ['certificates'])
})

t.test('what needs a restart stays as it is, and the rest is taken', async t => {
  const taken = applicable(config(), config('state: /elsewhere\ngrace: 5s'))
  t.equal(taken.stateFolder, config().stateFolder)
  t.equal(taken.control.socket, config().control.socket)
  t.equal(taken.graceMs, 5_000)
})

t.test('one reload at a time; a refused one is logged, and does not stand in the way of the next', async t => {
  const told: unknown[] = []
  const log = { error: (_message: string, fields: unknown) => told.push(fields) } as unknown as Log
  const ways = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let running = 0
  let most = 0
  let turn = 0
  const queue = new ReloadQueue(async () => {
    most = Math.max(most, ++running)
    await ways[turn++]?.promise.finally(() => running--)
    return { changed: [`${turn}`] }
  }, log)
  const both = [queue.take(), queue.take()]
  ways[0]!.reject(new EdgeError('CONFIG_INVALID', 'line 1'))
  ways[1]!.resolve()
  await t.rejects(both[0]!, { code: 'CONFIG_INVALID' })
  t.same((await both[1]!).changed, ['2'])
  t.equal(most, 1)
  t.match(told, [{ code: 'CONFIG_INVALID', detail: 'line 1', next: /twinedge check/ }])
  t.equal(told.length, 1)
})

t.test('a bug in a reload is told as one, with its place', async t => {
  const told: unknown[] = []
  const log = { error: (_message: string, fields: unknown) => told.push(fields) } as unknown as Log
  await t.rejects(new ReloadQueue(() => Promise.reject(new TypeError('oops')), log).take(), { message: 'oops' })
  t.match(told, [{ code: 'EDGE_INTERNAL', detail: /TypeError: oops\n +at / }])
})
