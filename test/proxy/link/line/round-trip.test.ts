import t from 'tap'
import { RoundTrip } from '../../../../proxy/link/line/round-trip.ts'

t.test('the round trip is the shortest of the last sixteen; what is none is not counted', async t => {
  const roundTrip = new RoundTrip()
  t.equal(roundTrip.ms, null)
  for (const none of [Number.NaN, -1, Number.NEGATIVE_INFINITY]) roundTrip.add(none)
  t.equal(roundTrip.ms, null)
  roundTrip.add(50)
  for (let i = 0; i < 15; i++) roundTrip.add(200)
  t.equal(roundTrip.ms, 50)
  roundTrip.add(210)
  t.equal(roundTrip.ms, 200, 'the line has become longer')
})

t.test('what may be expected of the line follows it', async t => {
  const roundTrip = new RoundTrip()
  t.same([roundTrip.handshakeMs, roundTrip.silenceMs, roundTrip.patienceMs], [5_000, 7_000, 5_000])
  roundTrip.add(200)
  t.same([roundTrip.handshakeMs, roundTrip.silenceMs, roundTrip.patienceMs], [2_500, 5_800, 5_000])
  roundTrip.add(0)
  t.same([roundTrip.handshakeMs, roundTrip.silenceMs, roundTrip.patienceMs], [1_500, 5_000, 4_000])
})

t.test('who watches hears every sample, until he does not', async t => {
  const roundTrip = new RoundTrip()
  const heard: number[] = []
  const stop = roundTrip.watch(ms => heard.push(ms))
  roundTrip.add(2)
  roundTrip.add(Number.NaN)
  stop()
  roundTrip.add(3)
  t.same(heard, [2])
})
