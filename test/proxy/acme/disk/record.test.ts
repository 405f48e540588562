import t from 'tap'
import {
  afterFailure,
  blankRecord,
  challengesAfter,
  parseRecord,
  recordFor,
  subjectOf
} from '../../../../proxy/acme/disk/record.ts'
import type { AcmeConfig } from '../../../../proxy/config/config.ts'
import type { FailureCode } from '../../../../proxy/errors.ts'
import { acmeConfig } from '../../../fixtures/upkeep.ts'

const now = new Date(Date.UTC(2026, 10, 22, 12))
const types = ['http-01', 'tls-alpn-01'] as const
const failedBy = (code: FailureCode, failures = 0) =>
  afterFailure({ ...blankRecord, failures }, { code, detail: 'words', retryAt: null }, now, 0)

t.test('where a port is closed it is the turn of the next kind of challenge, and then of the first again', async t => {
  t.same(challengesAfter(blankRecord, types), types)
  t.same(challengesAfter(failedBy('ACME_PORT_BLOCKED'), types), ['tls-alpn-01', 'http-01'])
  t.same(challengesAfter(failedBy('ACME_PORT_BLOCKED', 1), types), types)
  for (const code of ['ACME_DOMAIN_ELSEWHERE', 'ACME_AUTHORITY_FAILED'] as const) {
    t.same(challengesAfter(failedBy(code), types), types, `${code}: no other port would do`)
  }
})

t.test('what trying does not mend is not tried within the day, even if the authority does not say when', async t => {
  for (const code of ['ACME_RATE_LIMITED', 'ACME_CLOCK_WRONG'] as const) {
    t.ok(Date.parse(failedBy(code).retryAt!) > now.getTime() + 86_400_000, code)
  }
  t.equal(Date.parse(failedBy('ACME_AUTHORITY_FAILED').retryAt!), now.getTime() + 60_000)
})

t.test('of a file that is no record, what is sound is taken and the rest is as if it were not there', async t => {
  const at = now.toISOString()
  const spoilt = [
    null,
    'null',
    '{',
    '[]',
    '7',
    '{"failures":"3"}',
    '{"failures":3}',
    '{"failures":-1}',
    '{"lastError":"x"}'
  ]
  const torn = [
    { failures: 3, failedAt: 'yesterday', retryAt: at },
    { failures: 3, failedAt: at, retryAt: 'tomorrow' },
    { advice: { askAgainAt: 'soon', about: 'x' } },
    { source: { directory: 7, thumbprint: 'x' } },
    { about: { limit: 'x' } }
  ]
  for (const text of [...spoilt, ...torn.map(one => JSON.stringify(one))])
    t.same(parseRecord(text), blankRecord, `${text}`)
  const advice = { askAgainAt: at, about: 'x' }
  for (const window of [5, { start: at }, { start: at, end: 'soon' }]) {
    t.same(parseRecord(JSON.stringify({ advice: { ...advice, window } })).advice, { ...advice, window: null })
  }
  const whole = failedBy('ACME_PORT_BLOCKED')
  t.same(parseRecord(JSON.stringify(whole)), whole)
  const strange = { ...whole, lastError: { code: 'NO_SUCH', detail: 'x', at } }
  t.same(parseRecord(JSON.stringify(strange)), { ...whole, lastError: null })
})

t.test('a failure counts for its own order alone, and not when it is of the future', async t => {
  const config = { ...acmeConfig, email: 'a@b.test' }
  const subject = subjectOf(config, ['a.test'])
  const record = { ...failedBy('ACME_PORT_BLOCKED'), about: subject }
  const countFor = (other: AcmeConfig, domains = ['a.test'], at = now) =>
    recordFor(record, subjectOf(other, domains), at).failures
  t.equal(countFor(config), 1)
  t.equal(countFor({ ...config, email: null }), 0)
  t.equal(countFor(config, ['a.test', 'b.test']), 0)
  t.equal(countFor(config, ['a.test'], new Date(now.getTime() - 1)), 0)
  t.equal(recordFor({ ...record, source: null }, subject, now).lastError?.code, 'ACME_PORT_BLOCKED')
})
