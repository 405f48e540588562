import t from 'tap'
import { Deadlines } from '../../../proxy/deadlines.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { asDown, LinkState } from '../../../proxy/link/state.ts'

function startState() {
  const told: string[] = []
  const clock = { nowMs: 0 }
  const note = (message: string, { code, detail, peer }: Record<string, unknown> = {}): void => {
    told.push([message, code ?? peer, detail].filter(part => part !== undefined).join(' | '))
  }
  const state = new LinkState(new Deadlines(() => clock.nowMs), { info: note, warn: note })
  const take = (): string[] => told.splice(0)
  return { state, clock, take }
}

t.test('what changes is told, once; what is tried again in vain is not', async t => {
  const { state, clock, take } = startState()
  t.same([state.isUp, state.failure], [false, null])
  const cut = new EdgeError('LINK_UNREACHABLE', 'nothing listens there')
  state.fall(cut)
  t.same(take(), ['the link is down | LINK_UNREACHABLE | nothing listens there'])
  state.fall(new EdgeError('LINK_UNREACHABLE', 'no answer'))
  t.same(take(), [])
  t.match(state.failure, { code: 'LINK_UNREACHABLE', detail: 'no answer' }, 'but the last word is known')
  state.fall(new EdgeError('LINK_UNPAIRED', 'no key is taken'))
  t.same(take(), ['the link is still down | LINK_UNPAIRED | no key is taken'])
  t.equal(state.sinceMs, 0)
  clock.nowMs = 7
  state.rise('203.0.113.7:7443')
  t.same(take(), ['the link is up | 203.0.113.7:7443'])
  t.same([state.isUp, state.failure, state.sinceMs], [true, null, 7])
  clock.nowMs = 9
  state.fall(cut)
  t.same(take(), ['the link is down | LINK_UNREACHABLE | nothing listens there'])
  t.same([state.isUp, state.sinceMs], [false, 9])
})

t.test('another peer is another link: nothing of the last one is known of it', async t => {
  const { state, clock, take } = startState()
  state.rise('one')
  clock.nowMs = 5
  state.begin()
  t.same([state.isUp, state.failure, state.sinceMs], [false, null, 5])
  take()
  state.fall(new EdgeError('LINK_UNREACHABLE', 'no answer'))
  t.same(take(), ['the link is down | LINK_UNREACHABLE | no answer'])
})

t.test('a stranger is told of once a minute, however many come', async t => {
  const { state, clock, take } = startState()
  const knock = (who: string): void => state.tellRefused(new EdgeError('LINK_STRANGER', who))
  knock('a')
  knock('a')
  knock('b')
  t.equal(take().length, 2)
  clock.nowMs = 59_999
  knock('a')
  t.equal(take().length, 0)
  clock.nowMs = 60_000
  knock('a')
  t.same(take(), ['somebody was not let in at the port of the link | LINK_STRANGER | a'])
  for (let i = 0; i < 1_000; i++) knock(`${i}`)
  t.equal(take().length, 99, 'a hundred of them at most: an address costs a stranger nothing')
  state.tellFault(new EdgeError('LINK_SLOW', 'a'))
  t.same(take(), ['the link works, but | LINK_SLOW | a'])
  clock.nowMs = 120_000
  knock('b')
  t.equal(take().length, 1)
})

t.test('a fault that goes on is told of once a minute, though its figures are others each time', async t => {
  const { state, clock, take } = startState()
  const slow = (ms: number): void => state.tellFault(new EdgeError('LINK_SLOW', `it took ${ms} ms`))
  for (const ms of [2_100, 2_345, 9_876]) slow(ms)
  t.same(take(), ['the link works, but | LINK_SLOW | it took 2100 ms'])
  state.tellFault(new EdgeError('LINK_LOOP', 'each server has web from the other'))
  t.equal(take().length, 1, 'another fault is another line')
  clock.nowMs = 60_000
  slow(2_200)
  t.equal(take().length, 1)
})

t.test('clients are told that the link is down; the log says why', async t => {
  t.match(asDown({ code: 'LINK_UNPAIRED', detail: 'no key', next: '', at: '' }), {
    code: 'LINK_DOWN',
    detail: 'LINK_UNPAIRED: no key',
    status: 503
  })
})
