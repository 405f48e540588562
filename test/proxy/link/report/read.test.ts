import fc from 'fast-check'
import t from 'tap'
import type { PeerReport } from '../../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../../proxy/errors.ts'
import { LARGEST_REPORT_BYTES, readReport } from '../../../../proxy/link/report/read.ts'
import { standbyOf } from '../../../../proxy/link/report/verdict.ts'
import { report, upstream, world } from './world.ts'

const good = report('backend', { upstreams: [upstream('api', { build: 'aa' }), upstream('web')] })

/** What is said of a report that is not understood. */
function faultOf(value: unknown): string | null {
  const read = readReport(typeof value === 'string' ? value : JSON.stringify(value))
  return read instanceof EdgeError ? read.message : null
}

t.test('a report comes out as it was', async t => {
  t.same(readReport(JSON.stringify(good)), good)
  t.same(readReport(JSON.stringify({ ...good, thumbprint: null })), { ...good, thumbprint: null })
})

t.test('what another release tells besides is left out', async t => {
  const more = { ...good, mood: 'fine', certificates: good.certificates.map(one => ({ ...one, key: 'RSA' })) }
  t.same(readReport(JSON.stringify({ ...more, upstreams: good.upstreams.map(one => ({ ...one, load: 3 })) })), good)
})

t.test('of another protocol it is still read, if it can be: the verdict is about more than that', async t => {
  t.same(readReport(JSON.stringify({ ...good, protocol: 2 })), { ...good, protocol: 2 })
})

/** Places in a report: each lacking, and each of another type, is a fault that names it. */
const wrongs: readonly [string, unknown][] = [
  ...['protocol', 'now'].flatMap(key => [undefined, '1', 1.5, null].map((value): [string, unknown] => [key, value])),
  ...['version', 'server', 'tlsMode'].flatMap(key =>
    [undefined, 1, null].map((value): [string, unknown] => [key, value])
  ),
  ...[undefined, 1, 'short', `${'a'.repeat(41)}\r\n`].map((value): [string, unknown] => ['thumbprint', value]),
  ...[undefined, 'true', null].map((value): [string, unknown] => ['isStopping', value]),
  ...[undefined, 'a', [1], {}, new Array(1_001).fill('a')].map((value): [string, unknown] => ['domains', value]),
  ...[undefined, {}, [null], ['a'], [[]]].map((value): [string, unknown] => ['certificates', value]),
  ...[undefined, {}, [null]].map((value): [string, unknown] => ['upstreams', value]),
  ...[undefined, [], null, { a: 1 }, Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [i, '']))].map(
    (value): [string, unknown] => ['agreed', value]
  )
]
const inside: readonly [string, string, unknown][] = [
  ...['domains', 'issuer', 'beginsAt', 'expiresAt', 'isLocal'].flatMap(key =>
    [undefined, 1].map((value): [string, string, unknown] => ['certificates', key, value])
  ),
  ['certificates', 'beginsAt', 'soon'],
  ['certificates', 'expiresAt', 'late'],
  ...['name', 'isLocal', 'isUp', 'isBorrowed', 'isChecked', 'saw', 'build'].flatMap(key =>
    [undefined, 1].map((value): [string, string, unknown] => ['upstreams', key, value])
  )
]

t.test('what is lacking or of another type is a fault that names the place', async t => {
  for (const [key, value] of wrongs) {
    t.match(
      faultOf({ ...good, [key]: value }),
      new RegExp(`^LINK_VERSION: its report is not understood: ${key}.* is not `),
      `${key}: ${value}`
    )
  }
  for (const [list, key, value] of inside) {
    const [first, ...rest] = good[list as 'upstreams']
    const wrong = { ...good, [list]: [{ ...first, [key]: value }, ...rest] }
    t.match(faultOf(wrong), new RegExp(`: ${list}\\[0\\]\\.${key} is not `), `${list} ${key}: ${value}`)
  }
})

t.test('a report of another protocol that is not understood says so', async t => {
  t.match(faultOf({ protocol: 2 }), /: version is not a text; it speaks protocol 2, we 1$/)
  t.match(faultOf({ protocol: 1 }), /: version is not a text$/)
})

t.test('what is no report at all is a fault', async t => {
  for (const text of ['', '{', 'nul', `${'['.repeat(60_000)}`])
    t.equal(faultOf(text), 'LINK_VERSION: its report is not JSON')
  for (const value of [null, 1, [], 'x']) t.match(faultOf(JSON.stringify(value)), /: it is not an object$/)
})

t.test('a report that is too large is not read at all', async t => {
  const padding = (bytes: number): string => {
    const json = JSON.stringify({ ...good, server: '' })
    return JSON.stringify({ ...good, server: 'ä'.repeat((bytes - json.length) / 2) })
  }
  const even = LARGEST_REPORT_BYTES - (JSON.stringify({ ...good, server: '' }).length % 2)
  t.equal(faultOf(padding(even)), null)
  t.equal(faultOf(padding(even + 2)), `LINK_VERSION: its report is larger than ${LARGEST_REPORT_BYTES} bytes`)
})

t.test('whatever comes, it is a report or a fault, and a verdict can be given', async () => {
  const judged = (json: string): boolean => {
    const read = readReport(json)
    if (read instanceof EdgeError) return read.code === 'LINK_VERSION'
    return standbyOf(world({ report: read })).verdicts.length === 2
  }
  fc.assert(fc.property(fc.string(), judged))
  fc.assert(fc.property(fc.json(), judged))
  const keys = Object.keys(good) as (keyof PeerReport)[]
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) =>
      judged(JSON.stringify({ ...good, [key]: value }))
    )
  )
  const inner = fc.record({
    ...Object.fromEntries(
      Object.keys(good.upstreams[0]!).map(key => [key, fc.oneof(fc.jsonValue(), fc.boolean(), fc.string())])
    )
  })
  fc.assert(fc.property(fc.array(inner), upstreams => judged(JSON.stringify({ ...good, upstreams }))))
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.string()), agreed =>
      judged(JSON.stringify({ ...good, agreed }))
    )
  )
})
