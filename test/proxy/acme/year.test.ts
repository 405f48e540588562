// What a domain lives through, day by day: with WAN=long for a year, else for several renewals and two absences.
import t, { type Test } from 'tap'
import type { Refusal } from '../../../proxy/acme/authority.ts'
import type { Upkeep } from '../../../proxy/acme/upkeep.ts'
import { type Clock, SimulatedAuthority } from '../../doubles/authority/simulated-authority.ts'
import { openUpkeep } from '../../fixtures/upkeep.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000
const begin = Date.UTC(2026, 10, 22, 12)
const isLong = process.env.WAN === 'long'
const named = (days: number): string => (days === 365 ? 'a year' : `${days} days`)

const down: Refusal = { code: 'ACME_AUTHORITY_FAILED', detail: 'serverInternal: try later', retryAt: null }

/** Lives from moment to moment, as the timer would wake it, and holds that a good certificate serves at each of them. */
async function live(t: Test, clock: Clock, upkeep: Upkeep, untilMs: number, fromMs = begin + hourMs): Promise<void> {
  let gaps = 0
  let moments = 0
  while (clock.nowMs < untilMs) {
    await upkeep.runDue()
    for (const { pair } of upkeep.renewals) {
      const end = pair?.leaf.validToDate.getTime() ?? 0
      if (end <= clock.nowMs && clock.nowMs > fromMs) gaps++
    }
    clock.nowMs = Math.max(upkeep.nextAt().getTime(), clock.nowMs + 1_000)
    if (++moments > 20_000) throw new Error('it is called far too often')
  }
  t.equal(gaps, 0, 'at no moment had a domain nothing good to serve')
}

for (const lifeDays of [6, 90]) {
  const days = isLong ? 365 : lifeDays === 6 ? 70 : 190
  const end = begin + days * dayMs
  // 6 days: every three. 90 days: every sixty.
  const expected = Math.floor(days / (lifeDays === 6 ? 3 : 60)) + 1

  t.test(`${named(days)} of ${lifeDays}-day certificates, nothing in the way`, async t => {
    const clock = { nowMs: begin }
    const authority = await SimulatedAuthority.make(clock, lifeDays)
    const { upkeep } = await openUpkeep(t, { clock, authority })
    await live(t, clock, upkeep, end)
    const { length } = authority.asked
    t.ok(Math.abs(length - expected) <= 2, `${length} orders, some ${expected} expected`)
    t.ok(authority.asked.slice(1).every(({ order }) => order.replaces !== null))
  })

  t.test(`${named(days)} of ${lifeDays}-day certificates, renewed when the authority advises`, async t => {
    const clock = { nowMs: begin }
    const authority = await SimulatedAuthority.make(clock, lifeDays)
    const windows = new Map<string, [number, number]>()
    authority.advise = cert => {
      const from = cert.validFromDate.getTime()
      const [start, stop] = [from + (lifeDays / 4) * dayMs, from + (lifeDays / 3) * dayMs]
      windows.set(cert.serialNumber, [start, stop])
      const askAgainAt = new Date(clock.nowMs + 6 * hourMs).toISOString()
      const [windowStart, windowEnd] = [new Date(start).toISOString(), new Date(stop).toISOString()]
      return { ok: { start: windowStart, end: windowEnd, explanationUrl: null, askAgainAt } }
    }
    const { upkeep } = await openUpkeep(t, { clock, authority })
    await live(t, clock, upkeep, end)
    const times = authority.asked.map(({ atMs }) => atMs)
    const spans = times.slice(1).map((at, i) => at - times[i]!)
    // Leaves are dated an hour back.
    t.ok(spans.every(span => span >= (lifeDays / 4) * dayMs - hourMs && span <= (lifeDays / 3) * dayMs))
    t.ok(new Set(spans.map(span => Math.round(span / 60_000))).size > spans.length / 2, 'not always at the same moment')
    t.ok(authority.advised.length >= 2 * days, 'asked at least twice a day')
  })

  t.test(
    `${named(days)} of ${lifeDays}-day certificates, with an authority that fails in three of four orders`,
    async t => {
      const clock = { nowMs: begin }
      const authority = await SimulatedAuthority.make(clock, lifeDays)
      let orders = 0
      authority.refuse = () => (++orders % 4 === 0 ? null : down)
      const { upkeep } = await openUpkeep(t, { clock, authority })
      await live(t, clock, upkeep, end)
      const refused = authority.asked.filter(({ outcome }) => 'refused' in outcome).length
      t.ok(refused >= 3 * (expected - 2), `${refused} refused`)
    }
  )

  t.test(
    `${named(days)} of ${lifeDays}-day certificates, with an authority that is away for two days each month`,
    async t => {
      const clock = { nowMs: begin }
      const authority = await SimulatedAuthority.make(clock, lifeDays)
      const isAway = (): boolean => clock.nowMs > begin + dayMs && ((clock.nowMs - begin) / dayMs) % 30 < 2
      authority.refuse = () => (isAway() ? down : null)
      authority.advise = () => ({ refused: down })
      const { upkeep } = await openUpkeep(t, { clock, authority })
      await live(t, clock, upkeep, end)
    }
  )

  t.test(`${named(days)} of ${lifeDays}-day certificates under a limit of five in a week`, async t => {
    const clock = { nowMs: begin }
    const authority = await SimulatedAuthority.make(clock, lifeDays)
    const issued: number[] = []
    let refusedUntil = 0
    authority.refuse = () => {
      t.ok(clock.nowMs >= refusedUntil, 'never against a limit that is known')
      const week = issued.filter(at => at > clock.nowMs - 7 * dayMs)
      if (week.length < 5) {
        issued.push(clock.nowMs)
        return null
      }
      refusedUntil = week[0]! + 7 * dayMs
      const retryAt = new Date(refusedUntil).toISOString()
      return { code: 'ACME_RATE_LIMITED', detail: 'too many certificates', retryAt }
    }
    const { upkeep } = await openUpkeep(t, { clock, authority })
    // An operator who asks again and again uses the limit up.
    for (let i = 0; i < 8; i++) {
      await live(t, clock, upkeep, clock.nowMs + 60_000)
      const [renewal] = upkeep.renewals
      if (!renewal!.isLimited(new Date(clock.nowMs))) renewal!.ask(new Date(clock.nowMs))
    }
    t.ok(refusedUntil > 0, 'the limit was met')
    // One that lasts for six days cannot outlast a limit of seven that somebody has used up.
    await live(t, clock, upkeep, end, begin + 8 * dayMs)
  })
}

const lostDays = isLong ? 365 : 70
t.test(`${named(lostDays)} in which one of three domains never works: the other two notice nothing`, async t => {
  const clock = { nowMs: begin }
  const authority = await SimulatedAuthority.make(clock, 6)
  authority.refuse = ({ domains }) => (domains.includes('lost.test') ? down : null)
  const { upkeep } = await openUpkeep(t, { clock, authority, domains: ['a.test', 'lost.test', 'b.test'] })
  let gaps = 0
  while (clock.nowMs < begin + lostDays * dayMs) {
    await upkeep.runDue()
    const good = upkeep.renewals.filter(({ pair }) => (pair?.leaf.validToDate.getTime() ?? 0) > clock.nowMs)
    if (good.length !== 2) gaps++
    clock.nowMs = Math.max(upkeep.nextAt().getTime(), clock.nowMs + 1_000)
  }
  t.equal(gaps, 0)
  const tries = authority.asked.filter(({ order }) => order.domains.includes('lost.test')).map(({ atMs }) => atMs)
  const pauses = tries.slice(1, 5).map((at, i) => Math.round((at - tries[i]!) / 60_000))
  t.ok(pauses[0]! >= 1 && pauses[0]! <= 2, `${pauses[0]} min`)
  t.ok(pauses[1]! >= 10 && pauses[1]! <= 11, `${pauses[1]} min`)
  t.ok(pauses[2]! >= 100 && pauses[2]! <= 111, `${pauses[2]} min`)
  t.ok(pauses[3]! >= 1_440 && pauses[3]! <= 1_600, `${pauses[3]} min`)
  t.ok(tries.length <= lostDays + 5, `${tries.length} tries in ${named(lostDays)}`)
})
