import fc from 'fast-check'
import t from 'tap'
import { formatFaults } from '../../../proxy/config/faults.ts'
import { parseConfig } from '../../../proxy/config/parse.ts'
import { configOf, least } from './written.ts'

/** Parses anything, and checks what must hold for anything. */
function holds(text: string, env: Record<string, string> = {}): boolean {
  const parsed = parseConfig(text, { file: 'edge.yaml', folder: '/etc/twinedge', env })
  if ('config' in parsed === 'faults' in parsed) return false
  if ('config' in parsed) return true
  const areWhole = parsed.faults.every(
    ({ line, variable, found, expected }) =>
      (variable === undefined ? line !== null && line >= 1 : line === null) && found !== '' && expected !== ''
  )
  const lines = formatFaults(parsed.faults, 'edge.yaml').split('\n')
  return parsed.faults.length > 0 && areWhole && lines.length === parsed.faults.length
}

const runs = { numRuns: 300 }
const pieces = fc.constantFrom(
  ...[
    'server',
    'domains',
    'listen',
    'tls',
    'upstreams',
    'routes',
    'limits',
    'path',
    '/',
    'a',
    '1s',
    ': ',
    ':\n',
    '\n',
    '\n  '
  ],
  ...[
    '- ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '"',
    "'",
    '&a ',
    '*a',
    '!x ',
    '|\n',
    '#',
    '\t',
    '---\n',
    '? ',
    '<<: ',
    '~',
    '\u0000',
    '例'
  ]
)

t.test('any text is a configuration or faults, never both, and never an exception', async t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => holds(text)),
    runs
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), parts => holds(parts.join(''))),
    runs
  )
  t.pass()
})

t.test('so is a right text with something wrong in the middle', async t => {
  fc.assert(
    fc.property(fc.nat(least.length), fc.array(pieces, { minLength: 1, maxLength: 5 }), (at, parts) =>
      holds(least.slice(0, at) + parts.join('') + least.slice(at))
    ),
    runs
  )
  t.pass()
})

t.test('so is any JSON value, as a whole and in the place of any setting', async t => {
  fc.assert(
    fc.property(fc.jsonValue(), value => holds(JSON.stringify(value))),
    runs
  )
  const keys = [
    'server',
    'domains',
    'listen',
    'tls',
    'upstreams',
    'routes',
    'limits',
    'log',
    'control',
    'trusted-proxies'
  ]
  const odd = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue())
  fc.assert(
    fc.property(odd, value => holds(JSON.stringify(value))),
    runs
  )
  t.pass()
})

t.test('so is any environment', async t => {
  const suffix = fc.array(
    fc.constantFrom('ROUTES', 'UPSTREAMS', 'WEB', 'SLOTS', 'HEALTH', '0', '1', '99', 'PATH', 'TLS', 'X', '')
  )
  const variable = suffix.map(parts => `EDGE_${parts.join('_')}`)
  const value = fc.oneof(fc.string(), fc.json({ maxDepth: 3 }), pieces)
  fc.assert(
    fc.property(fc.dictionary(variable, value), env => holds(least, env)),
    runs
  )
  t.pass()
})

t.test('what is written by the rules is read back as it was meant', async t => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/)
  const port = fc.integer({ min: 1, max: 65_535 })
  const upstream = fc.record({ port, keepAlive: fc.integer({ min: 1, max: 100 }), connections: fc.nat(1000) })
  const route = fc.record({
    idle: fc.integer({ min: 1, max: 5000 }),
    kilobytes: fc.integer({ min: 1, max: 9999 }),
    stream: fc.boolean(),
    segment: fc.integer({ min: 1, max: 99 })
  })
  const whole = fc.record({ name, upstream, route, path: fc.stringMatching(/^\/[a-z0-9]{0,9}$/), rate: fc.nat(999) })
  fc.assert(
    fc.property(whole, given => {
      const config = configOf(
        JSON.stringify({
          server: 'single',
          domains: [`${given.name}.example`],
          upstreams: {
            [given.name]: {
              origin: `http://10.0.0.1:${given.upstream.port}`,
              'keep-alive': `${given.upstream.keepAlive}s`,
              connections: given.upstream.connections
            }
          },
          routes: [
            {
              path: given.path,
              upstream: given.name,
              idle: `${given.route.idle}ms`,
              body: `${given.route.kilobytes}k`,
              stream: given.route.stream,
              learn: 'id',
              owner: [`path:${given.route.segment}`, 'header:X-Id']
            }
          ],
          limits: { 'requests-per-second': given.rate }
        })
      )
      const upstreamRead = config.upstreams.get(given.name)
      t.equal(upstreamRead?.slots.get('only'), new URL(`http://10.0.0.1:${given.upstream.port}`).origin)
      t.equal(upstreamRead?.keepAliveMs, given.upstream.keepAlive * 1000)
      t.equal(upstreamRead?.connections, given.upstream.connections)
      t.equal(config.limits.requestsPerSecond, given.rate)
      t.strictSame(config.routes, [
        {
          host: null,
          path: given.path,
          upstream: given.name,
          stream: given.route.stream,
          idleMs: given.route.idle,
          bodyLimitBytes: given.route.kilobytes * 1024,
          learn: 'id',
          owner: [
            { part: 'path', segment: given.route.segment },
            { part: 'header', name: 'x-id' }
          ]
        }
      ])
    }),
    { numRuns: 50 }
  )
})
