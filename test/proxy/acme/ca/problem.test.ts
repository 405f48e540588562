import t from 'tap'
import { problemOf, refusalOf, retryAfterMs, type Trouble } from '../../../../proxy/acme/ca/problem.ts'
import type { FailureCode } from '../../../../proxy/errors.ts'

const now = new Date('2026-11-22T12:00:00Z')
const hourMs = 3_600_000
const url = 'https://ca.test/x'

function trouble(more: Partial<Trouble>): Trouble {
  const none = { status: null, problem: null, transport: null, said: '', retryAfter: null, skewMs: null }
  return { step: 'order', url, domains: ['a.test'], ...none, ...more }
}

function problem(type: string, detail = 'words') {
  return problemOf({ type: `urn:ietf:params:acme:error:${type}`, detail })
}

type Row = readonly [step: Trouble['step'], status: number | null, type: string | null, code: FailureCode]

const rows: readonly Row[] = [
  ['account', 400, 'invalidContact', 'ACME_ACCOUNT_REFUSED'],
  ['account', 400, 'unsupportedContact', 'ACME_ACCOUNT_REFUSED'],
  ['account', 403, 'externalAccountRequired', 'ACME_ACCOUNT_REFUSED'],
  ['account', 403, 'unauthorized', 'ACME_ACCOUNT_REFUSED'],
  ['account', 400, 'malformed', 'ACME_ACCOUNT_REFUSED'],
  ['account', 500, 'serverInternal', 'ACME_AUTHORITY_FAILED'],
  ['order', 403, 'userActionRequired', 'ACME_ACCOUNT_REFUSED'],
  ['order', 400, 'accountDoesNotExist', 'ACME_ACCOUNT_REFUSED'],
  ['order', 401, 'unauthorized', 'ACME_ACCOUNT_REFUSED'],
  ['order', 400, 'rejectedIdentifier', 'ACME_ORDER_REFUSED'],
  ['order', 400, 'unsupportedIdentifier', 'ACME_ORDER_REFUSED'],
  ['order', 400, 'invalidProfile', 'ACME_ORDER_REFUSED'],
  ['order', 400, 'malformed', 'ACME_ORDER_REFUSED'],
  ['order', 404, null, 'ACME_ORDER_REFUSED'],
  ['order', 400, 'something-new', 'ACME_ORDER_REFUSED'],
  ['order', 400, 'badNonce', 'ACME_AUTHORITY_FAILED'],
  ['order', 429, null, 'ACME_RATE_LIMITED'],
  ['order', 429, 'malformed', 'ACME_RATE_LIMITED'],
  ['order', 403, 'rateLimited', 'ACME_RATE_LIMITED'],
  ['order', 503, null, 'ACME_AUTHORITY_FAILED'],
  ['order', 500, 'malformed', 'ACME_AUTHORITY_FAILED'],
  ['order', 201, null, 'ACME_AUTHORITY_FAILED'],
  ['challenge', null, 'unauthorized', 'ACME_DOMAIN_ELSEWHERE'],
  ['challenge', null, 'incorrectResponse', 'ACME_DOMAIN_ELSEWHERE'],
  ['challenge', null, 'dns', 'ACME_DOMAIN_ELSEWHERE'],
  ['challenge', null, 'tls', 'ACME_DOMAIN_ELSEWHERE'],
  ['challenge', null, 'connection', 'ACME_PORT_BLOCKED'],
  ['challenge', null, 'caa', 'ACME_ORDER_REFUSED'],
  ['challenge', null, 'rateLimited', 'ACME_RATE_LIMITED'],
  ['challenge', null, 'serverInternal', 'ACME_AUTHORITY_FAILED'],
  ['challenge', null, '', 'ACME_ORDER_REFUSED'],
  ['issue', 400, 'badCSR', 'ACME_ORDER_REFUSED'],
  ['issue', 403, 'unauthorized', 'ACME_ORDER_REFUSED'],
  ['issue', null, 'caa', 'ACME_ORDER_REFUSED'],
  ['directory', 200, null, 'ACME_DIRECTORY_UNREACHABLE'],
  ['directory', 403, 'malformed', 'ACME_DIRECTORY_UNREACHABLE'],
  ['directory', 500, 'serverInternal', 'ACME_DIRECTORY_UNREACHABLE'],
  ['directory', 429, null, 'ACME_RATE_LIMITED'],
  ['advice', 500, null, 'ACME_AUTHORITY_FAILED']
]

t.test('every error of RFC 8555 has its code', async t => {
  for (const [step, status, type, code] of rows) {
    const refusal = refusalOf(trouble({ step, status, problem: type === null ? null : problem(type) }), now)
    t.equal(refusal.code, code, `${step} ${status} ${type}`)
  }
})

t.test('below HTTP it is the way there, or the clock', async t => {
  const codes = [
    'ENOTFOUND',
    'ECONNREFUSED',
    'ECONNABORTED',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'ERR_TLS_CERT_ALTNAME_INVALID'
  ]
  for (const step of ['directory', 'issue'] as const) {
    for (const transport of codes) {
      const { code, detail } = refusalOf(trouble({ step, transport, said: 'words' }), now)
      t.equal(code, 'ACME_DIRECTORY_UNREACHABLE', transport)
      t.match(detail, `${url}: words (${transport})`)
      t.equal(detail.includes('tls.directory-ca'), transport === 'SELF_SIGNED_CERT_IN_CHAIN')
    }
    for (const transport of ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']) {
      const { code, detail } = refusalOf(trouble({ step, transport, said: 'words' }), now)
      t.same(
        [code, detail],
        ['ACME_CLOCK_WRONG', `${url}: words (${transport}); this machine's clock says ${now.toISOString()}`]
      )
    }
  }
})

t.test('a clock that is off is in every detail, and is the cause of what it explains', async t => {
  const off = { status: 400, skewMs: 5.4 * hourMs }
  const caa = refusalOf(trouble({ ...off, problem: problem('caa') }), now)
  t.same(caa, {
    code: 'ACME_ORDER_REFUSED',
    detail: "a.test: words (caa); this machine's clock is 5 hours behind the authority's",
    retryAt: null
  })
  const dates = trouble({ ...off, problem: problem('malformed', 'certificate is not yet valid') })
  t.equal(refusalOf(dates, now).code, 'ACME_CLOCK_WRONG')
  t.equal(refusalOf({ ...dates, skewMs: -0.9 * hourMs }, now).code, 'ACME_ORDER_REFUSED', 'a clock that is right')
  t.notMatch(refusalOf({ ...dates, skewMs: -0.9 * hourMs }, now).detail, /clock/)
  t.match(refusalOf({ ...dates, skewMs: -2 * hourMs }, now).detail, '2 hours ahead of')
})

t.test('each subproblem is told with its domain', async t => {
  const part = (value: string, type: string) => ({
    type: `urn:ietf:params:acme:error:${type}`,
    detail: 'no',
    identifier: { type: 'dns', value }
  })
  const whole = { detail: 'several', subproblems: [part('b.test', 'caa'), part('a.test', 'dns'), 'nonsense', null] }
  const compound = problemOf({ ...whole, type: 'urn:ietf:params:acme:error:compound' })
  t.match(refusalOf(trouble({ status: 400, problem: compound }), now), {
    code: 'ACME_ORDER_REFUSED',
    detail: 'a.test: several (compound): b.test: no (caa); a.test: no (dns)'
  })
  t.match(
    refusalOf(trouble({ status: 400, problem: problemOf({ ...whole, type: '' }) }), now).detail,
    /^a\.test: several: /
  )
})

t.test('an authority cannot write to a terminal, nor without end', async t => {
  const detail = `\u001b[31m\n${'x'.repeat(10_000)}`
  const refusal = refusalOf(trouble({ status: 400, problem: problemOf({ detail }) }), now)
  t.equal(refusal.detail.length, 2_000)
  t.notMatch(refusal.detail, /[\u0000-\u001f]/)
  t.match(refusal.detail, /…$/)
})

t.test('what is no problem document is none', async t => {
  for (const body of [null, '', 'text', 7, [], {}, { status: 400 }])
    t.equal(problemOf(body), null, JSON.stringify(body))
  t.match(problemOf({ title: 'T', type: 'about:blank' }), { type: 'about:blank', detail: 'T' })
  t.match(problemOf({ detail: 'd', subproblems: {}, identifier: 'x' }), { type: '', domain: null, subproblems: [] })
})

t.test('Retry-After in seconds or as a date, of answers that refuse', async t => {
  const at = (status: number, retryAfter: string | null) =>
    refusalOf(trouble({ status, retryAfter, problem: problem('rateLimited') }), now).retryAt
  t.equal(at(429, '60'), '2026-11-22T12:01:00.000Z')
  t.equal(at(503, 'Sun, 22 Nov 2026 13:00:00 GMT'), '2026-11-22T13:00:00.000Z')
  t.equal(at(429, null), null)
  t.equal(at(429, 'soon'), null)
  t.equal(at(200, '60'), null, 'that is when to look again, not when to order again')
  t.equal(retryAfterMs('Sun, 22 Nov 2026 11:00:00 GMT', now), 0, 'the past')
  t.equal(retryAfterMs('9'.repeat(400), now), 24 * hourMs, 'beyond any date')
})
