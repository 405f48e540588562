import t from 'tap'
import { dueByAdvice, dueByAge, retryAfter, retryAfterLimit } from '../../../proxy/acme/schedule.ts'

const now = new Date('2026-11-22T12:00:00Z')
const minuteMs = 60_000
const dayMs = 86_400_000
const life = (days: number) => ({ notBefore: now, notAfter: new Date(now.getTime() + days * dayMs) })
const daysFromNow = (date: Date): number => (date.getTime() - now.getTime()) / dayMs

t.test('without advice: at a third of the life left, at half of one under ten days', async t => {
  t.equal(daysFromNow(dueByAge(life(90))), 60)
  t.equal(daysFromNow(dueByAge(life(45))), 30)
  t.equal(Math.round(daysFromNow(dueByAge(life(10))) * 100), 667)
  t.equal(daysFromNow(dueByAge(life(6))), 3)
})

t.test('with advice: somewhere in the window, by chance', async t => {
  const window = { start: '2026-12-01T00:00:00Z', end: '2026-12-03T00:00:00Z' }
  const at = (chance: number): string => dueByAdvice(window, life(90), chance).toISOString()
  t.same([at(0), at(0.5), at(1)], ['2026-12-01T00:00:00.000Z', '2026-12-02T00:00:00.000Z', '2026-12-03T00:00:00.000Z'])
})

t.test('a window in the past is as soon as may be; one at the end of the life is not believed', async t => {
  const past = { start: '2026-01-01T00:00:00Z', end: '2026-01-02T00:00:00Z' }
  t.equal(daysFromNow(dueByAdvice(past, life(90), 0.5)), 1, 'but never of a certificate of today: it would have no end')
  t.equal(daysFromNow(dueByAdvice(past, life(6), 0.5)).toFixed(1), '0.6')
  const late = { start: '2030-01-01T00:00:00Z', end: '2030-01-02T00:00:00Z' }
  t.equal(daysFromNow(dueByAdvice(late, life(90), 0.5)), 81)
})

t.test('a failed order is tried again after 1, 10 and 100 minutes, then daily, and never before', async t => {
  const pauses = (random: number): number[] =>
    [1, 2, 3, 4, 5, 50].map(failures => (retryAfter(failures, now, null, random).getTime() - now.getTime()) / minuteMs)
  t.same(pauses(0), [1, 10, 100, 1440, 1440, 1440])
  t.same(pauses(1), [1.1, 11, 110, 1584, 1584, 1584], 'a tenth more at most')
})

t.test('never before the moment that the authority names', async t => {
  const asked = new Date(now.getTime() + 5 * dayMs)
  t.ok(retryAfter(1, now, asked, 0) >= asked)
  t.ok(retryAfterLimit(now, asked, 0) > asked)
  t.equal(daysFromNow(retryAfter(4, now, new Date(now.getTime() + minuteMs), 0)), 1, 'nor sooner than its own pause')
  t.ok(daysFromNow(retryAfterLimit(now, null, 0)) > 1, 'a limit without a moment: a day')
})
