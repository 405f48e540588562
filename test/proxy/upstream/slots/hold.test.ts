import t from 'tap'
import { Deadlines } from '../../../../proxy/deadlines.ts'
import { Hold, type Waiting } from '../../../../proxy/upstream/slots/hold.ts'
import { until } from '../../../doubles/edge-process.ts'

/** A hold on a clock of the test's, and requests that note what becomes of them. */
function start() {
  let now = 1_000
  let selfOpened = 0
  const deadlines = new Deadlines(() => now)
  const hold = new Hold(deadlines, { onOpen() {}, onSelfOpened: () => selfOpened++ })
  const proceeded: number[] = []
  const cut: string[] = []
  const request = (index: number): Waiting => ({
    proceed: () => void proceeded.push(index),
    cut: (code, detail) => void cut.push(`${index} ${code} ${detail}`)
  })
  const pass = (ms: number): void => {
    now += ms
    deadlines.tick()
  }
  return { hold, proceeded, cut, request, pass, selfOpened: () => selfOpened }
}

const paused = { mode: 'paused', longestMs: 60_000, spreadMs: 0 } as const
const opened = { mode: 'open', longestMs: 0, spreadMs: 0 } as const

t.test('what waits is let go evenly over the time that was asked for, in order', async t => {
  const { hold, proceeded, request, pass } = start()
  hold.set(paused)
  const all = Array.from({ length: 100 }, (_, i) => i)
  for (const index of all) hold.wait(request(index))
  t.same(hold.set({ ...opened, spreadMs: 1_000 }), { mode: 'open', waiting: 100 })
  t.ok(hold.isOpen, 'who comes now does not wait')
  for (const share of [25, 50, 75]) {
    pass(250)
    await until(() => proceeded.length >= share, `${share} went on`)
    await new Promise(resolve => setTimeout(resolve, 20)) // four steps, in which nobody may go on
    t.equal(proceeded.length, share)
  }
  pass(250)
  await until(() => proceeded.length === 100, 'all went on')
  t.same(proceeded, all)
})

t.test('let go at once, they still do not hold up the event loop', async t => {
  const { hold, proceeded, request } = start()
  hold.set(paused)
  for (let i = 0; i < 1_000; i++) hold.wait(request(i))
  hold.set(opened)
  t.equal(proceeded.length, 200)
  await until(() => proceeded.length === 1_000, 'all went on')
})

t.test('more than 10,000 do not wait', async t => {
  const { hold, cut, request } = start()
  hold.set(paused)
  for (let i = 0; i < 10_001; i++) hold.wait(request(i))
  t.same(cut, ['10000 EDGE_HELD_TOO_LONG 10000 requests wait already'])
  t.same(hold.status, { mode: 'paused', waiting: 10_000 })
})

t.test('nobody waits for longer than the pause allowed when he came, however often it is prolonged', async t => {
  const { hold, cut, proceeded, request, pass, selfOpened } = start()
  hold.set({ ...paused, longestMs: 1_000 })
  hold.wait(request(0))
  pass(600)
  hold.set({ ...paused, longestMs: 1_000 })
  hold.wait(request(1))
  pass(399)
  t.same(cut, [])
  pass(1)
  t.match(cut, [/^0 EDGE_HELD_TOO_LONG/])
  pass(599)
  t.same([hold.status.mode, selfOpened()], ['paused', 0])
  pass(1)
  t.same([hold.status.mode, selfOpened()], ['open', 1])
  pass(1_000)
  await until(() => proceeded.length === 1, 'the other one was let go')
  t.equal(cut.length, 1)
})

t.test('paused again while they are let go, the rest waits on', async t => {
  const { hold, proceeded, request, pass } = start()
  hold.set(paused)
  for (let i = 0; i < 10; i++) hold.wait(request(i))
  hold.set({ ...opened, spreadMs: 1_000 })
  pass(500)
  await until(() => proceeded.length === 5, 'half of them went on')
  hold.set(paused)
  pass(5_000)
  await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(proceeded.length, 5)
  t.same(hold.status, { mode: 'paused', waiting: 5 })
})

t.test('a pause that ends by itself lets go over a second: what it was for may be back for a moment only', async t => {
  const { hold, proceeded, request, pass } = start()
  hold.set({ ...paused, longestMs: 5_000 })
  for (let i = 0; i < 100; i++) hold.wait(request(i))
  pass(5_000)
  t.same([hold.status.mode, proceeded.length], ['open', 0])
  pass(500)
  await until(() => proceeded.length > 0, 'some go on')
  t.equal(proceeded.length, 50)
  pass(500)
  await until(() => proceeded.length === 100, 'all went on')
  hold.set({ ...paused, longestMs: 100 })
  for (let i = 0; i < 100; i++) hold.wait(request(i))
  pass(100)
  pass(100)
  await until(() => proceeded.length === 200, 'but not for longer than it lasted')
})
