import t from 'tap'
import { RateLimit } from '../../../proxy/forward/rate-limit.ts'

/** How many of `tries` requests at one moment pass. */
function passing(rate: RateLimit, address: string, nowMs: number, tries = 1_000): number {
  let passed = 0
  for (let i = 0; i < tries; i++) if (rate.allows(address, nowMs)) passed++
  return passed
}

t.test('no limit limits nothing', async t => {
  t.equal(passing(new RateLimit(0), 'a', 0), 1_000)
})

t.test('a burst of ten seconds passes, then the rate, however long the address was away', async t => {
  const rate = new RateLimit(5)
  t.equal(passing(rate, 'a', 0), 50)
  t.equal(passing(rate, 'a', 100), 0)
  t.equal(passing(rate, 'a', 1_000), 5)
  t.equal(passing(rate, 'a', 1_200), 1)
  t.equal(passing(rate, 'a', 3_600_000), 50)
})

t.test('one address does not use up the share of another', async t => {
  const rate = new RateLimit(5)
  passing(rate, 'a', 0)
  t.equal(passing(rate, 'b', 0), 50)
})

t.test('forgetting an address that is away gives it nothing that time had not', async t => {
  const rate = new RateLimit(5)
  passing(rate, 'a', 1_000_000)
  rate.allows('b', 1_061_000) // sweeps: by then the bucket of a is full anyway
  t.equal(passing(rate, 'a', 1_061_000), 50)
  rate.allows('c', 1_130_000)
  passing(rate, 'a', 1_190_500)
  rate.allows('c', 1_191_001) // sweeps again, half a second after a used everything up
  t.equal(passing(rate, 'a', 1_191_001), 2)
})

t.test('the addresses of one IPv6 /64 share one bucket', async t => {
  const rate = new RateLimit(1)
  for (let i = 0; i < 10; i++) t.ok(rate.allows(`2001:db8:1:2::${i}`, 1_000))
  t.notOk(rate.allows('2001:db8:1:2:ffff::1', 1_000))
  t.ok(rate.allows('2001:db8:1:3::1', 1_000), 'the next /64 has its own')
})
