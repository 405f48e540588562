import fc from 'fast-check'
import t from 'tap'
import { type AccessEntry, accessLevel, accessLine, createAccessLog } from '../../../proxy/record/access-line.ts'
import { createLog } from '../../../proxy/record/log.ts'
import { redactTarget } from '../../../proxy/record/redaction.ts'
import { entry, route } from '../../fixtures/access-entry.ts'

function lineOf(part: Partial<AccessEntry>) {
  const lines: string[] = []
  const log = createLog({ level: 'info', pretty: false, destination: { write: line => lines.push(line) } })
  createAccessLog(log)(entry(part))
  return JSON.parse(lines[0] ?? 'null')
}

t.test('the line of a request tells who, what, where, how it ended and how long it took', async t => {
  const line = lineOf({ path: '/api/x?key=secret', ttfb: 3.0999, total: 12.0499 })
  t.match(line, {
    level: 'info',
    id: 'r1',
    client: '203.0.113.7',
    method: 'GET',
    host: 'example.com',
    path: '/api/x?key=*'
  })
  t.match(line, { protocol: 'HTTP/2', route: '/api/', upstream: 'api', slot: 'only', status: 200, ended: 'complete' })
  t.match(line, { in: 10, out: 20, ttfb: 3.1, total: 12 })
  for (const key of ['code', 'detail', 'next']) t.notOk(key in line, key)
})

t.test('a failure brings its code, its detail and the next step; what is not known is left out', async t => {
  const failed = { route: null, upstream: null, slot: null, ttfb: null, status: 404, ended: 'edge' } as const
  const line = lineOf({ ...failed, code: 'EDGE_ROUTE_NOT_FOUND', detail: 'no route for /x' })
  t.match(line, { code: 'EDGE_ROUTE_NOT_FOUND', detail: 'no route for /x', next: /add a route/ })
  for (const key of ['route', 'upstream', 'slot', 'ttfb']) t.notOk(key in line, key)
})

t.test('a route that is for one host only is named with it', async t => {
  t.equal(accessLine(entry({ route: { ...route, host: 'example.com' } })).route, 'example.com/api/')
})

t.test('the side that failed decides the level: a stranger alarms nobody', async t => {
  t.equal(accessLevel(entry({ code: 'EDGE_CLIENT_CLOSED', ended: 'client' })), 'info')
  t.equal(accessLevel(entry({ code: 'EDGE_UPSTREAM_REFUSED', ended: 'edge' })), 'warn')
  t.equal(accessLevel(entry({ code: 'EDGE_INTERNAL', ended: 'edge' })), 'error')
  t.equal(accessLevel(entry({ ended: 'upstream' })), 'warn')
  t.equal(accessLevel(entry({ status: 500 })), 'info', 'an upstream may answer 500: that is its answer')
})

const redactions: [why: string, target: string, logged: string][] = [
  ['most targets pass as they are', '/api/v1/chat/stream', '/api/v1/chat/stream'],
  ['a star passes', '*', '*'],
  ['names of parameters stay', '/a?token=abcd&page=2', '/a?token=*&page=*'],
  ['an empty query stays', '/a?', '/a?'],
  ['a bare parameter may be the secret', '/a?c2VjcmV0', '/a?*'],
  ['base64 ends in what looks like an empty value', '/a?c2VjcmV0cw==', '/a?*'],
  ['a second question mark is part of a value', '/a?x=1?y=secret', '/a?x=*'],
  ['a long name may be the secret', `/a?${'k3'.repeat(16)}=1`, '/a?*=*'],
  ['a fragment may carry a token', '/cb#access_token=abcd', '/cb#*'],
  ['a path parameter is a parameter', '/a;jsessionid=12AB/b', '/a;*/b'],
  ['a JWT goes whatever its length', '/u/eyJhbGciOi.eyJzdWIi.c2ln/x', '/u/*/x'],
  ['a long mix of letters and digits goes', `/reset/${'a1B2'.repeat(8)}/now`, '/reset/*/now'],
  ['one character less stays', `/reset/${'a1B2'.repeat(8).slice(1)}/now`, `/reset/${'a1B2'.repeat(8).slice(1)}/now`],
  ['escaped base64 is still one token', `/t/${'ab1'.repeat(6)}%2B${'cd2'.repeat(6)}`, '/t/*'],
  ['a UUID stays', '/s/123e4567-e89b-12d3-a456-426614174000', '/s/123e4567-e89b-12d3-a456-426614174000'],
  ['a hashed file name stays', `/_next/static/${'a1'.repeat(20)}.js`, `/_next/static/${'a1'.repeat(20)}.js`],
  ['letters alone are a name', `/${'verylong'.repeat(5)}`, `/${'verylong'.repeat(5)}`],
  ['controls and bytes above 0x7e are escaped', '/\r\n\u001b[2J\u007f\u00e9', '/%0D%0A%1B[2J%7F%E9'],
  ['a space cannot end the field', '/a b', '/a%20b']
]
for (const [why, target, logged] of redactions) {
  t.test(`redaction: ${why}`, async t => {
    t.equal(redactTarget(target), logged)
  })
}

t.test('a target of 16 kB does not push out forty other lines', async t => {
  t.equal(redactTarget(`/${'a/'.repeat(8_000)}`).length, 1_027)
})

const byte = fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code))

t.test('no query value of four characters or more is ever logged', async () => {
  // Names, paths and what the log itself adds are lower-case letters and marks: a value cannot be there by chance.
  const name = fc.stringMatching(/^[a-f]{1,8}$/)
  const value = fc.string({ unit: fc.oneof(byte, fc.constantFrom(...'GHIJ=+/;?#%')), minLength: 4, maxLength: 40 })
  const safe = value.filter(text => /[g-zG-Z]/.test(text) && !text.includes('&') && !/[a-f]{4}|^\W*$/.test(text))
  fc.assert(
    fc.property(fc.array(fc.tuple(name, safe), { minLength: 1, maxLength: 5 }), pairs => {
      const logged = redactTarget(`/a/b?${pairs.map(([key, text]) => `${key}=${text}`).join('&')}`)
      return (
        pairs.every(([, text]) => !logged.includes(text)) && /^\/a\/b\?([a-f]+=\*|\*)(&([a-f]+=\*|\*))*$/.test(logged)
      )
    })
  )
})

t.test('whatever the bytes, the log gets printable ASCII without a space', async () => {
  fc.assert(
    fc.property(fc.string({ unit: byte, maxLength: 200 }), target => /^[\x21-\x7e]*$/.test(redactTarget(target)))
  )
})

t.test('the fast path hides no less than the slow one', async () => {
  // A query sends the target the slow way; its path must come out the same.
  const path = fc.string({ unit: fc.constantFrom(...'/eyJ.-aB1_'), maxLength: 80 }).map(text => `/${text}`)
  fc.assert(fc.property(path, target => `${redactTarget(target)}?q=*` === redactTarget(`${target}?q=1`)))
})
