import type { X509Certificate } from 'node:crypto'
import type { RenewalStatus } from '../control/protocol.ts'
import type { Outcome, RenewalInfo } from './authority.ts'
import type { Advice, RenewalRecord } from './disk/record.ts'
import { chanceOf, dueByAdvice, dueByAge, type Window } from './schedule.ts'

const hourMs = 3_600_000

/** What a decision is made of. */
export interface Held {
  /** Of what is stored and fit; null: there is none. */
  readonly leaf: X509Certificate | null
  /** What the authority advises for it; null: nothing. */
  readonly window: Window | null
  /** As far as it counts now. */
  readonly record: RenewalRecord
  /** When the operator asked for it; null: nobody has. */
  readonly askedAt: Date | null
  /** That it would be ordered from. */
  readonly directory: string
}

export interface Due {
  readonly at: Date
  readonly reason: RenewalStatus['reason']
  /** Whether it would be ordered now, but for what failed before. */
  readonly isFailing: boolean
}

/** When a certificate is ordered, and why. */
export function dueOf(held: Held, now: Date): Due {
  const wanted = wantedOf(held, now)
  const { failures, retryAt, failedAt, lastError } = held.record
  // What failed of an order that is not due any more, or not yet, is nobody's trouble.
  const isTrouble = wanted.at <= now || (lastError?.code === 'ACME_CLOCK_WRONG' && isFromFuture(held, now))
  if (failures === 0 || retryAt === null || !isTrouble) return { ...wanted, isFailing: false }
  // Who asks does not wait for what failed before.
  const hasAsked = held.askedAt !== null && held.askedAt.getTime() > Date.parse(`${failedAt}`)
  const at = new Date(retryAt)
  if (hasAsked || at <= wanted.at) return { ...wanted, isFailing: true }
  return { at, reason: 'retry', isFailing: true }
}

/** What a certificate that was just issued says against our clock; null: nothing. Clocks differ by an hour at most. */
export function clockFault({ validFromDate, validToDate }: X509Certificate, now: Date): string | null {
  const isFromFuture = validFromDate.getTime() > now.getTime() + hourMs
  if (!isFromFuture && dueByAge({ notBefore: validFromDate, notAfter: validToDate }) > now) return null
  const [from, to] = [validFromDate.toISOString(), validToDate.toISOString()]
  return `just issued, it is good from ${from} to ${to}, and here it is ${now.toISOString()}`
}

/** What is known of an authority's advice after it was asked again. @param about fingerprint of the certificate */
export function adviceAfter(
  before: Advice | null,
  outcome: Outcome<RenewalInfo | null>,
  about: string,
  now: Date
): Advice {
  const info = 'ok' in outcome ? outcome.ok : null
  // Unreachable is not the same as without advice: what it said last still holds.
  const window = 'ok' in outcome ? info : (before?.window ?? null)
  // RFC 9773 §4.3.3: about six hours where it does not say; a refusal may ask for more than the one that we wait.
  const asked = 'refused' in outcome ? Date.parse(`${outcome.refused.retryAt}`) || 0 : 0
  const askAgainMs = Math.max(now.getTime() + ('ok' in outcome ? 6 : 1) * hourMs, asked)
  return {
    window: window === null ? null : { start: window.start, end: window.end },
    askAgainAt: info?.askAgainAt ?? new Date(askAgainMs).toISOString(),
    about
  }
}

export interface Seen extends Pick<RenewalStatus, 'name' | 'domains'> {
  readonly leaf: X509Certificate | null
  readonly due: Due
  readonly isOrdering: boolean
  readonly record: RenewalRecord
}

/** As an operator is told of it. */
export function statusOf({ name, domains, leaf, due, isOrdering, record }: Seen, now: Date): RenewalStatus {
  const { at, reason, isFailing } = due
  const resting = isFailing ? 'failing' : at <= now ? 'due' : 'waiting'
  return {
    name,
    domains,
    state: isOrdering ? 'ordering' : resting,
    issuer: leaf?.issuer.replaceAll('\n', ', ') ?? null,
    expiresAt: leaf?.validToDate.toISOString() ?? null,
    nextAt: at.toISOString(),
    reason,
    failures: isFailing ? record.failures : 0,
    lastError: isFailing ? record.lastError : null
  }
}

function wantedOf({ leaf, window, record, askedAt, directory }: Held, now: Date): Omit<Due, 'isFailing'> {
  // Not later than now, if the clock has been set back since.
  if (askedAt !== null) return { at: askedAt < now ? askedAt : now, reason: 'asked' }
  if (leaf === null) return { at: now, reason: 'missing' }
  if (record.source !== null && record.source.directory !== directory) return { at: now, reason: 'moved' }
  const life = { notBefore: leaf.validFromDate, notAfter: leaf.validToDate }
  if (window === null) return { at: dueByAge(life), reason: 'age' }
  return { at: dueByAdvice(window, life, chanceOf(leaf.fingerprint256)), reason: 'ari' }
}

function isFromFuture({ leaf }: Held, now: Date): boolean {
  return leaf !== null && leaf.validFromDate > now
}
