import type { ChallengeType } from '../../config/config.ts'
import type { RenewalError } from '../../control/protocol.ts'
import { EdgeError, failures } from '../../errors.ts'
import type { Refusal } from '../authority.ts'
import { retryAfter, retryAfterLimit } from '../schedule.ts'

/** What is remembered of one certificate from start to start. */
export interface RenewalRecord {
  /** In a row. */
  readonly failures: number
  /** ISO times. */
  readonly failedAt: string | null
  readonly retryAt: string | null
  readonly lastError: RenewalError | null
  /** Who issued what is stored; null: it was imported. */
  readonly source: Source | null
  readonly advice: Advice | null
}

export interface Source {
  /** URL. */
  readonly directory: string
  /** Of the account: only that one may say what a new certificate replaces (RFC 9773 §5). */
  readonly thumbprint: string
}

/** What the authority answered when it was asked last (RFC 9773); ISO times. */
export interface Advice {
  readonly window: { readonly start: string; readonly end: string } | null
  readonly askAgainAt: string
  /** Fingerprint of the certificate that it is about. */
  readonly about: string
}

export const blankRecord: RenewalRecord = {
  failures: 0,
  failedAt: null,
  retryAt: null,
  lastError: null,
  source: null,
  advice: null
}

/** An order was begun and its end is not on record. */
export const interrupted: Refusal = {
  code: 'EDGE_STOPPING',
  detail: 'the edge ended in the middle of an order',
  retryAt: null
}

/** One more failure. @param chance from 0 to 1 */
export function afterFailure(record: RenewalRecord, refusal: Refusal, now: Date, chance: number): RenewalRecord {
  const { code, detail } = refusal
  const count = record.failures + 1
  const asked = refusal.retryAt === null ? null : new Date(refusal.retryAt)
  // Neither is mended by trying, and every try counts against a limit.
  const isLimit = code === 'ACME_RATE_LIMITED' || code === 'ACME_CLOCK_WRONG'
  const retryAt = isLimit ? retryAfterLimit(now, asked, chance) : retryAfter(count, now, asked, chance)
  const at = now.toISOString()
  const lastError: RenewalError = { code, detail, next: failures[code].next, at }
  return { ...record, failures: count, failedAt: at, retryAt: retryAt.toISOString(), lastError }
}

/** In a row. One of the future was noted under a clock that has been set back since: it counts for nothing. */
export function failuresOf({ failures, failedAt }: RenewalRecord, now: Date): number {
  return Date.parse(`${failedAt}`) > now.getTime() ? 0 : failures
}

/** Where one kind of challenge has failed it is another one's turn. @param types the best first */
export function challengesAfter(record: RenewalRecord, types: readonly ChallengeType[]): readonly ChallengeType[] {
  const { failures, lastError } = record
  const hasFailed = lastError?.code === 'ACME_PORT_BLOCKED' || lastError?.code === 'ACME_DOMAIN_ELSEWHERE'
  const first = hasFailed ? failures % types.length : 0
  return [...types.slice(first), ...types.slice(0, first)]
}

/** @returns what is left of a file that was edited by hand, or cut */
export function parseRecord(text: string | null): RenewalRecord {
  try {
    const read = JSON.parse(text ?? '{}') as Partial<RenewalRecord>
    const times = [read.failedAt, read.retryAt, read.advice?.askAgainAt, read.advice?.window?.start]
    const isSound = times.every(time => time == null || !Number.isNaN(Date.parse(time)))
    return isSound && typeof (read.failures ?? 0) === 'number' ? { ...blankRecord, ...read } : blankRecord
  } catch {
    return blankRecord
  }
}

/** Of what was thrown on our own side. */
export function refusalOf(cause: unknown): Refusal {
  if (cause instanceof EdgeError) return { code: cause.code, detail: cause.detail, retryAt: null }
  return { code: 'EDGE_INTERNAL', detail: `${(cause as Error).stack ?? cause}`, retryAt: null }
}
