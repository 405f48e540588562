import fc from 'fast-check'
import t from 'tap'
import { acceptsEvents, provenanceOf, toClient, toUpstream } from '../../../proxy/forward/headers.ts'
import type { RawHeaders, RequestHead } from '../../../proxy/http/exchange.ts'

const PROXY = '10.0.0.1'
const STRANGER = '198.51.100.7'
const isTrusted = (address: string): boolean => address.startsWith('10.')
const plain = { isUpgrade: false, wantsIdentity: false }

function headWith(headers: RawHeaders, more: Partial<RequestHead> = {}): RequestHead {
  const rest = { bodyLength: 0, expectsContinue: false, isWebSocketUpgrade: false, host: 'a.example', ...more }
  return { method: 'GET', authority: 'a.example', target: '/', headers, ...rest }
}

/** What goes to the upstream for a request that came from `address`. */
function sent(headers: RawHeaders, address: string, head: Partial<RequestHead> = {}): [name: string, value: string][] {
  const whole = headWith(headers, head)
  const text = toUpstream(
    whole,
    provenanceOf(whole, address, 'our-request-id', isTrusted),
    plain,
    'cdn-loop: us;upstream=web\r\n'
  )
  t.ok(text.endsWith('\r\n\r\n'))
  const lines = text.slice(0, -4).split('\r\n').slice(1)
  return lines.map(line => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)])
}

function valuesIn(fields: readonly [string, string][], name: string): string[] {
  return fields.filter(([known]) => known === name).map(([, value]) => value)
}

const upToUs = fc.constantFrom(
  ...['x-real-ip', 'x-request-id', 'x-forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
  ...['x-forwarded-port', 'x-forwarded-server', 'x-original-url', 'x-original-host', 'x-rewrite-url', 'forwarded'],
  ...['x-middleware-subrequest', 'x-middleware-rewrite', 'x-middleware-set-cookie', 'x-middleware-next'],
  ...['x-invoke-path', 'x-invoke-status', 'x-now-route-matches', 'x-matched-path', 'x-next-resume-state-length'],
  ...['x-next-cache-tags', 'x-next-revalidated-tags', 'x-prerender-revalidate', 'next-resume']
)
/** The same name as a framework might read it: some turn `_` into `-`. */
const disguised = fc.tuple(upToUs, fc.nat()).map(([name, bits]) => {
  let dash = 0
  return name.startsWith('x-') ? name.replaceAll('-', () => ((bits >> dash++) & 1 ? '_' : '-')) : name
})

t.test("a stranger's word on where it comes from never passes, however it is written", async t => {
  fc.assert(
    fc.property(fc.array(disguised, { minLength: 1, maxLength: 12 }), names => {
      const fields = sent(
        names.flatMap(name => [name, 'STRANGER']),
        STRANGER
      )
      return fields.every(([, value]) => value !== 'STRANGER')
    })
  )
  t.pass()
})

t.test('every request says whence it comes exactly once', async t => {
  const said = fc.array(fc.tuple(disguised, fc.constantFrom('1.2.3.4', 'https', 'x.example', 'some-long-id')))
  fc.assert(
    fc.property(said, fc.constantFrom(STRANGER, PROXY), (pairs, address) => {
      const fields = sent(pairs.flat(), address)
      const ours = ['x-real-ip', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id', 'host']
      return ours.every(name => valuesIn(fields, name).length === 1)
    })
  )
  t.pass()
})

t.test('all that is not ours to set passes as it is, in order', async t => {
  const name = fc.stringMatching(/^[a-wyz][a-z0-9_-]{0,12}$/).filter(n => n !== 'forwarded' && n !== 'next-resume')
  const value = fc.stringMatching(/^[!-~\x80-\xff]{0,20}$/)
  const framing = new Set(['host', 'content-length'])
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), pairs => {
      const given = pairs.filter(([known]) => !framing.has(known))
      const fields = sent(given.flat(), STRANGER).slice(1, 1 + given.length)
      t.strictSame(fields, given)
    }),
    { numRuns: 50 }
  )
})

t.test("a trusted proxy's chain is extended, and the client is the last address that is nobody's of ours", async t => {
  const chains: [chain: string[], client: string][] = [
    [[], PROXY],
    [['203.0.113.9'], '203.0.113.9'],
    [['6.6.6.6, 203.0.113.9'], '203.0.113.9'],
    [['6.6.6.6', '203.0.113.9'], '203.0.113.9'],
    [['203.0.113.9, 10.0.0.2 ,10.0.0.3'], '203.0.113.9'],
    [['10.0.0.2, 10.0.0.3'], '10.0.0.2'],
    [['2001:db8::1'], '2001:db8::1'],
    [['6.6.6.6, unknown, 10.0.0.2'], '10.0.0.2'],
    [['<script>'], PROXY],
    [[''], PROXY]
  ]
  for (const [chain, client] of chains) {
    const fields = sent(
      chain.flatMap(value => ['x-forwarded-for', value]),
      PROXY
    )
    t.strictSame(valuesIn(fields, 'x-real-ip'), [client], chain.join(' | '))
    t.strictSame(valuesIn(fields, 'x-forwarded-for'), [[...chain, PROXY].join(', ')])
  }
})

t.test("a trusted proxy's request id, scheme and host are kept when they are plausible", async t => {
  const said = ['x-request-id', 'their.id-12', 'x-forwarded-proto', 'http', 'x-forwarded-host', 'outer.example']
  const kept = sent(said, PROXY)
  t.strictSame(valuesIn(kept, 'x-request-id'), ['their.id-12'])
  t.strictSame(valuesIn(kept, 'x-forwarded-proto'), ['http'])
  t.strictSame(valuesIn(kept, 'x-forwarded-host'), ['outer.example'])
  const odd = sent(['x-request-id', 'a b"\x80', 'x-forwarded-proto', 'javascript'], PROXY)
  t.strictSame(valuesIn(odd, 'x-request-id'), ['our-request-id'])
  t.strictSame(valuesIn(odd, 'x-forwarded-proto'), ['https'])
})

t.test('whoever sent a request on before stays named, and we come last', async t => {
  const before = ['cdn-loop', 'a.example', 'cdn-loop', 'B; x="1, 2", c']
  t.strictSame(valuesIn(sent(before, STRANGER), 'cdn-loop'), ['a.example', 'B; x="1, 2", c', 'us;upstream=web'])
})

t.test('the framing is ours: by length, in chunks, or none', async t => {
  const framing = (method: string, bodyLength: number) => {
    const fields = sent([], STRANGER, { method, bodyLength })
    return [...valuesIn(fields, 'content-length'), ...valuesIn(fields, 'transfer-encoding')]
  }
  t.strictSame(framing('GET', 0), [])
  t.strictSame(framing('DELETE', 0), [])
  t.strictSame(framing('POST', 0), ['0'], 'RFC 9110 section 8.6')
  t.strictSame(framing('POST', 7), ['7'])
  t.strictSame(framing('DELETE', -1), ['chunked'])
})

t.test('an answer carries one request id, ours, and a 204 no length', async t => {
  const fields = () => [
    'x-request-id',
    'a',
    'content-length',
    '0',
    'set-cookie',
    'a',
    'x-request-id',
    'b',
    'set-cookie',
    'b'
  ]
  t.strictSame(toClient(200, fields(), 'ours'), [
    'content-length',
    '0',
    'set-cookie',
    'a',
    'set-cookie',
    'b',
    'x-request-id',
    'ours'
  ])
  t.strictSame(toClient(204, fields(), 'ours'), ['set-cookie', 'a', 'set-cookie', 'b', 'x-request-id', 'ours'])
})

t.test('events are known by what the client accepts', async t => {
  t.ok(acceptsEvents(['accept', 'text/event-stream']))
  t.ok(acceptsEvents(['accept', 'application/json', 'accept', 'Text/Event-Stream;q=0.9']))
  t.notOk(acceptsEvents(['accept', 'text/html', 'x-accept', 'text/event-stream']))
})
