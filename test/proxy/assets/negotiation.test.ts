import t from 'tap'
import { negotiate } from '../../../proxy/assets/negotiation.ts'
import type { Coding } from '../../../proxy/assets/store/blobs.ts'

const all = new Map<Coding, number>([
  ['br', 200],
  ['zstd', 210],
  ['gzip', 250]
])

/** What the client says; what it gets when all copies are there. */
const table: readonly (readonly [string | undefined, Coding | null, string])[] = [
  [undefined, null, 'who does not say gets it as it came'],
  ['', null, 'nothing is accepted'],
  ['gzip, deflate, br, zstd', 'br', 'of equals the smallest'],
  ['gzip, deflate', 'gzip', 'the only one that both know'],
  ['deflate', null, 'none that we have'],
  ['br;q=0.5, gzip;q=0.8', 'gzip', 'the weight comes before the size'],
  ['br;q=0, gzip', 'gzip', 'a weight of 0 refuses'],
  ['br;q=0.000, zstd;q=0.001', 'zstd', 'three digits'],
  ['*', 'br', 'anything'],
  ['*;q=0.5, gzip', 'gzip', 'a name comes before the star'],
  ['*, br;q=0', 'zstd', 'the star is all others'],
  ['identity, gzip', 'gzip', 'as much as gzip: then the smaller one'],
  ['identity, gzip;q=0.5', null, 'as it came is liked better'],
  ['identity;q=0, gzip;q=0.1', 'gzip', 'as it came is refused'],
  ['identity;q=0', null, 'everything is refused: as it came after all'],
  ['*;q=0', null, 'the same'],
  ['GZIP', 'gzip', 'names have no case'],
  ['x-gzip', 'gzip', 'an old name'],
  ['br ; q=0.1,gzip ;Q=0.2', 'gzip', 'blanks'],
  ['br;q=2, gzip;q=0.1', 'gzip', 'a weight that is none: not a wish'],
  ['br;level=9, gzip', 'gzip', 'a parameter that is none'],
  ['gzip;q=0.1, gzip;q=0', null, 'the last word counts']
]

t.test('the copy that is chosen is the one that the client likes best, then the smallest', async t => {
  for (const [accepted, chosen, why] of table) t.equal(negotiate(accepted, all), chosen, `${accepted}: ${why}`)
})

t.test('only a copy that is there, and worth it, is chosen', async t => {
  t.equal(negotiate('br, gzip', new Map([['gzip', 10]])), 'gzip')
  t.equal(negotiate('br, gzip', new Map([['br', 0]])), null)
  t.equal(negotiate('br, gzip', new Map()), null)
  t.equal(
    negotiate(
      'br, zstd',
      new Map([
        ['br', 20],
        ['zstd', 10]
      ])
    ),
    'zstd'
  )
})
