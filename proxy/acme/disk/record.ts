import { createHash } from 'node:crypto'
import type { AcmeConfig, ChallengeType } from '../../config/config.ts'
import type { RenewalError } from '../../control/protocol.ts'
import { EdgeError, type FailureCode, failures } from '../../errors.ts'
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
  /** What was ordered when it failed: another order has not failed yet. */
  readonly about: Subject | null
  /** Who issued what is stored; null: it was imported. */
  readonly source: Source | null
  readonly advice: Advice | null
}

/** What an order asks for, and from whom. */
export interface Subject {
  /** The directory and the names: what limits are counted by. */
  readonly limit: string
  /** Everything that an operator may have mended in the configuration. */
  readonly order: string
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
  about: null,
  source: null,
  advice: null
}

/** An order was begun and its end is not on record. */
export const interrupted: Refusal = {
  code: 'EDGE_STOPPING',
  detail: 'the edge ended in the middle of an order',
  retryAt: null
}

const dayMs = 86_400_000

/** The domains of each certificate. */
export function groupsOf({ grouping }: AcmeConfig, domains: readonly string[]): (readonly string[])[] {
  return grouping === 'together' ? [domains] : domains.map(domain => [domain])
}

export function subjectOf(config: AcmeConfig, domains: readonly string[]): Subject {
  const { directory, email, eab, profile, keyType, challenges, directoryCa } = config
  const limit = [directory, [...domains].sort()]
  return { limit: digest(limit), order: digest([limit, email, eab, profile, keyType, challenges, directoryCa]) }
}

/** One more failure. @param chance from 0 to 1 */
export function afterFailure(record: RenewalRecord, refusal: Refusal, now: Date, chance: number): RenewalRecord {
  const { code, detail } = refusal
  const count = record.failures + 1
  // Neither is mended by trying, and every try counts against a limit.
  const isLimit = code === 'ACME_RATE_LIMITED' || code === 'ACME_CLOCK_WRONG'
  // Limits are counted in weeks; for anything else a certificate must not wait until it has ended.
  const most = new Date(now.getTime() + (isLimit ? 8 : 1) * dayMs)
  const asked = refusal.retryAt === null ? null : new Date(Math.min(Date.parse(refusal.retryAt), most.getTime()))
  const retryAt = isLimit ? retryAfterLimit(now, asked, chance) : retryAfter(count, now, asked, chance)
  const at = now.toISOString()
  const lastError: RenewalError = { code, detail, next: failures[code].next, at }
  return { ...record, failures: count, failedAt: at, retryAt: retryAt.toISOString(), lastError }
}

/**
 * What of a record still counts for this order: a failure does not when it was another order's, nor when it is of the
 * future, noted under a clock that has been set back since. A limit outlasts every change but one of what it is for.
 */
export function recordFor(record: RenewalRecord, subject: Subject, now: Date): RenewalRecord {
  const { about, lastError, failedAt } = record
  const isLimit = lastError?.code === 'ACME_RATE_LIMITED'
  const isSame = isLimit ? about?.limit === subject.limit : about?.order === subject.order
  const isPast = Date.parse(`${failedAt}`) <= now.getTime()
  const { failures, retryAt, failedAt: none, lastError: no, about: nothing } = blankRecord
  return isSame && isPast ? record : { ...record, failures, retryAt, failedAt: none, lastError: no, about: nothing }
}

/** Where a port is closed it is another kind of challenge's turn. @param types the best first */
export function challengesAfter(record: RenewalRecord, types: readonly ChallengeType[]): readonly ChallengeType[] {
  const { failures, lastError } = record
  const first = lastError?.code === 'ACME_PORT_BLOCKED' ? failures % types.length : 0
  return [...types.slice(first), ...types.slice(0, first)]
}

/** Of what was thrown on our own side. */
export function refusalOf(cause: unknown): Refusal {
  if (cause instanceof EdgeError) return { code: cause.code, detail: cause.detail, retryAt: null }
  return { code: 'EDGE_INTERNAL', detail: `${(cause as Error).stack ?? cause}`, retryAt: null }
}

/** @returns what is sound of a file that was edited by hand, or cut: a part that is not is as if it were not there */
export function parseRecord(text: string | null): RenewalRecord {
  const read = objectOf(jsonOf(text))
  const count = read.failures
  const failed = typeof count === 'number' && Number.isInteger(count) && count > 0
  const [failedAt, retryAt] = [timeOf(read.failedAt), timeOf(read.retryAt)]
  const hasFailed = failed && failedAt !== null && retryAt !== null
  return {
    ...blankRecord,
    ...(hasFailed ? { failures: count, failedAt, retryAt, lastError: errorOf(read.lastError) } : {}),
    about: textsOf(read.about, 'limit', 'order'),
    source: textsOf(read.source, 'directory', 'thumbprint'),
    advice: adviceOf(read.advice)
  }
}

function adviceOf(value: unknown): Advice | null {
  const read = objectOf(value)
  const [askAgainAt, about] = [timeOf(read.askAgainAt), read.about]
  if (askAgainAt === null || typeof about !== 'string') return null
  const { start, end } = objectOf(read.window)
  const [from, to] = [timeOf(start), timeOf(end)]
  return { askAgainAt, about, window: from === null || to === null ? null : { start: from, end: to } }
}

function errorOf(value: unknown): RenewalError | null {
  const found = textsOf(value, 'code', 'detail', 'at')
  return found === null || !(found.code in failures)
    ? null
    : { ...found, next: failures[found.code as FailureCode].next }
}

function textsOf<K extends string>(value: unknown, ...keys: readonly K[]): Record<K, string> | null {
  const read = objectOf(value)
  const texts = keys.map(key => [key, read[key]] as const)
  return texts.every(([, text]) => typeof text === 'string') ? (Object.fromEntries(texts) as Record<K, string>) : null
}

function timeOf(value: unknown): string | null {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : null
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function jsonOf(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}
