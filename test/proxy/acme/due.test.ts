import t from 'tap'
import { blankRecord } from '../../../proxy/acme/disk/record.ts'
import { dueOf } from '../../../proxy/acme/due.ts'

const now = new Date(Date.UTC(2026, 10, 22, 12))
const later = (ms: number): string => new Date(now.getTime() + ms).toISOString()
const failed = { ...blankRecord, failures: 4, failedAt: later(-60_000), retryAt: later(86_400_000) }
const nothing = { leaf: null, window: null, askedAt: null, directory: 'https://authority.test/directory' }

t.test('a failure waits out its pause', async t => {
  t.match(dueOf({ ...nothing, record: failed }, now), { reason: 'retry', at: new Date(failed.retryAt) })
})

t.test('who asks after a failure does not wait for its pause; what fails after that waits again', async t => {
  const asked = { ...nothing, record: failed, askedAt: new Date(now.getTime() - 1_000) }
  t.match(dueOf(asked, now), { reason: 'asked', at: asked.askedAt })
  const again = { ...asked, record: { ...failed, failedAt: later(-500) } }
  t.match(dueOf(again, now), { reason: 'retry', at: new Date(failed.retryAt) })
})
