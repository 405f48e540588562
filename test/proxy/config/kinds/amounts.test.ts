import fc from 'fast-check'
import t from 'tap'
import { choice, count, duration, flag, size } from '../../../../proxy/config/kinds/amounts.ts'

t.test('a duration reads as an nginx user writes it, a bare number as seconds', async t => {
  const read = duration({ min: 0 }).read
  const right = {
    '600s': 600_000,
    '5m': 300_000,
    '1h': 3_600_000,
    '250ms': 250,
    '1d': 86_400_000,
    '0': 0,
    '600': 600_000
  }
  for (const [text, ms] of Object.entries(right)) t.equal(read(text), ms, text)
  t.equal(read('1h30m'), 5_400_000)
  t.equal(read('1m500ms'), 60_500)
  for (const wrong of ['', 's', '600 parsecs', '-1s', '1.5s', '5 m', '1s1h', '0x10', '1e3', 'm5', '٣s']) {
    t.equal(read(wrong), undefined, JSON.stringify(wrong))
  }
})

t.test('a duration that no timer of Node can wait for is refused', async t => {
  t.equal(duration().read('2147483647ms'), 2_147_483_647)
  t.equal(duration().read('2147483648ms'), undefined)
  t.equal(duration().read('25d'), undefined)
})

t.test('a duration that no timer waits for may be longer, and its bound is told as it is', async t => {
  const yearMs = 365 * 86_400_000
  const long = duration({ max: yearMs })
  t.equal(long.read('365d'), yearMs)
  t.equal(long.read('31536001'), undefined)
  t.match(long.expected, /above 0 and at most 365d$/)
  t.match(duration().expected, /above 0 and at most 24d$/)
  t.match(duration({ min: 0 }).expected, /, at most 24d$/)
})

t.test('a duration of nothing is refused unless its setting allows it', async t => {
  t.equal(duration().read('0s'), undefined)
  t.equal(duration({ min: 0 }).read('0s'), 0)
})

t.test('a size counts in powers of 1024, a bare number in bytes', async t => {
  const right = { '32k': 32_768, '100m': 104_857_600, '1g': 1_073_741_824, '1K': 1024, '100': 100 }
  for (const [text, bytes] of Object.entries(right)) t.equal(size().read(text), bytes, text)
  for (const wrong of ['', '100MB', '1.5m', '-1', '1t', '1 m', '0', '0k', '999999999999999g']) {
    t.equal(size().read(wrong), undefined, JSON.stringify(wrong))
  }
})

t.test('what an nginx user gets wrong about amounts is named', async t => {
  t.match(duration().why?.('5M'), /lower case/)
  t.match(size().why?.('100MB'), /without "B"/)
  t.match(size().why?.('0'), /unlike in nginx/)
})

t.test('a number is whole and within its bounds', async t => {
  const read = count({ min: 1, max: 100 }).read
  t.equal(read('1'), 1)
  t.equal(read('100'), 100)
  for (const wrong of ['0', '101', '1.5', '-1', '1e1', '', ' 1']) t.equal(read(wrong), undefined, JSON.stringify(wrong))
})

t.test('a flag is true or false and nothing else', async t => {
  t.equal(flag.read('true'), true)
  t.equal(flag.read('false'), false)
  for (const wrong of ['yes', 'on', 'True', '1', '']) t.equal(flag.read(wrong), undefined, wrong)
})

t.test('a choice is one of its options', async t => {
  t.equal(choice('a', 'b').read('b'), 'b')
  t.equal(choice('a', 'b').read('c'), undefined)
})

t.test('every amount of a unit reads as that many of it', async t => {
  const units = { s: 1000, m: 60_000, h: 3_600_000, ms: 1 } as const
  const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), unit, (amount, each) => {
      return duration().read(`${amount}${each}`) === amount * units[each]
    })
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom(0, 1, 2, 3), (amount, power) => {
      return size().read(`${amount}${['', 'k', 'm', 'g'][power]}`) === amount * 1024 ** power
    })
  )
  t.pass()
})
