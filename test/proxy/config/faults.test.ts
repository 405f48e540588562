import t from 'tap'
import { type Fault, formatFaults, nearest, shown } from '../../../proxy/config/faults.ts'
import { parseConfig } from '../../../proxy/config/parse.ts'
import { faultsOf, least, written } from './written.ts'

t.test('faults read in the order of the file, in columns, and then those of the environment', async t => {
  const faults: Fault[] = [
    {
      path: '',
      line: null,
      variable: 'EDGE_GRASE',
      found: 'an unknown variable',
      expected: 'a setting',
      nearest: 'EDGE_GRACE'
    },
    { path: 'routes[1].idle', line: 12, found: '"600 parsecs"', expected: 'a duration such as 600s' },
    {
      path: 'routes[1].idel',
      line: 9,
      found: 'the unknown key "idel"',
      expected: 'one of path, idle',
      nearest: 'idle'
    },
    { path: 'x', line: 3, found: 'nothing', expected: 'a number' }
  ]
  t.equal(
    formatFaults(faults, 'frontend.yaml'),
    `frontend.yaml:3   x               found nothing, expected a number
frontend.yaml:9   routes[1].idel  found the unknown key "idel", expected one of path, idle; did you mean "idle"?
frontend.yaml:12  routes[1].idle  found "600 parsecs", expected a duration such as 600s
EDGE_GRASE  found an unknown variable, expected a setting; did you mean "EDGE_GRACE"?`
  )
  t.equal(formatFaults([], 'frontend.yaml'), '')
})

t.test('a long value is cut, and no value moves the cursor', async t => {
  t.equal(shown('x'.repeat(1000)).length, 62)
  t.equal(shown('a\x1b[2Jb\nc'), '"a [2Jb c"')
  t.equal(formatFaults([{ path: 'a\x1bb', line: 1, found: 'x', expected: 'y' }], 'f'), 'f:1  a b  found x, expected y')
  t.ok(formatFaults([{ path: 'x'.repeat(10_000), line: 1, found: 'x', expected: 'y' }], 'f').length < 100)
})

t.test('a password never reaches a fault, wherever it stands', async t => {
  const origins = ['http://user:hunter2@x', 'http://user:hun/ter2@x', 'user:hunter2@x', 'http://user:hun@ter2@x']
  for (const origin of origins) {
    const shownFaults = JSON.stringify([
      ...faultsOf(least, { EDGE_UPSTREAMS_WEB_ORIGIN: origin }),
      ...faultsOf(written(`upstreams: { web: { origin: ${origin} }, my-api: { origin: "http://b" } }`)),
      ...faultsOf(`${least}x: [ { origin: ${origin}\n`)
    ])
    t.notMatch(shownFaults, /hun|ter2/, origin)
  }
})

t.test('a typo finds what was meant, and another word finds nothing', async t => {
  const known = ['idle', 'path', 'upstream', 'body', 'connections-per-address']
  t.equal(nearest('idel', known), 'idle')
  t.equal(nearest('IDLE', known), 'idle')
  t.equal(nearest('upstreams', known), 'upstream')
  t.equal(nearest('connection-per-adress', known), 'connections-per-address')
  t.equal(nearest('timeout', known), undefined)
  t.equal(nearest('x', known), undefined)
})

t.test('names of the operator that a fault lists cannot break its line or move the cursor', async t => {
  const text = least.replace('my-api:', '"my\\n\\e[2Japi":')
  const parsed = parseConfig(text, { file: 'edge.yaml', folder: '/etc', env: {} })
  if (!('faults' in parsed)) return t.fail('no fault was found')
  t.ok(
    parsed.faults.some(({ expected }) => expected.includes('\n')),
    'the fault itself has the name as it is'
  )
  const lines = formatFaults(parsed.faults, 'edge.yaml').split('\n')
  t.equal(lines.length, parsed.faults.length)
  t.notMatch(lines.join(''), /\p{Cc}/u)
})
