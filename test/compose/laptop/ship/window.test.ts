import t from 'tap'
import { Window } from '../../../../compose/laptop/ship/window.ts'

/** A line of so many bytes a second and so long a way, for so long. @returns how much it carried */
function carry(window: Window, clock: { ms: number }, bytesPerSecond: number, rttMs: number, forMs: number): number {
  const acks: { at: number; count: number }[] = []
  let [sent, freeAt, acked] = [0, clock.ms, 0]
  for (const end = clock.ms + forMs; clock.ms < end; clock.ms++) {
    for (; acks[0] !== undefined && acks[0].at <= clock.ms; acks.shift()) {
      acked = acks[0].count
      window.acked(acked)
    }
    for (; window.hasRoom; ) {
      window.sent(16_384)
      sent += 16_384
      freeAt = Math.max(freeAt, clock.ms) + (16_384 / bytesPerSecond) * 1_000
      acks.push({ at: freeAt + rttMs, count: sent })
    }
  }
  return acked
}

t.test('a long line is kept full, with no more on its way than twice what it holds', async t => {
  const clock = { ms: 0 }
  const window = new Window(1_000_000_000, () => clock.ms)
  carry(window, clock, 2_000_000, 200, 3_000)
  const [before, sent] = [clock.ms, window.inFlight]
  t.ok(sent <= 2 * (2_000_000 * 0.2) * 1.5, `${sent} bytes are on their way, and the line holds 400,000`)
  t.equal(clock.ms, before)
  t.ok(window.rate > 1_500_000 && window.rate < 2_500_000, `${window.rate} bytes a second were found`)
})

t.test('a cut makes it careful: ten of them cost less than 5 % of the whole', async t => {
  const clock = { ms: 0 }
  const whole = 60_000_000
  const window = new Window(whole, () => clock.ms)
  let lost = 0
  for (let cuts = 0; cuts < 10; cuts++) {
    carry(window, clock, 50_000_000, 50, 2_000)
    lost += window.inFlight
    window.cut()
  }
  t.ok(lost < 0.05 * whole, `${lost} of ${whole} were on their way`)
})
