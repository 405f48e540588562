import type { FailureCode } from '../../errors.ts'
import { printable } from '../../record/terminal.ts'
import type { Refusal } from '../authority.ts'

const hourMs = 3_600_000
/** Of a limit, which is counted in weeks; of anything else, which is no reason to let a certificate end. */
const longestLimitMs = 8 * 24 * hourMs
const longestWaitMs = 24 * hourMs
const longestDetail = 2_000
const PREFIX = 'urn:ietf:params:acme:error:'

export type Step = 'directory' | 'account' | 'order' | 'challenge' | 'issue' | 'advice'

/** A problem document (RFC 7807, RFC 8555 §6.7), as far as it was well formed. */
export interface Problem {
  /** Without the prefix that all of ACME's share. */
  readonly type: string
  readonly detail: string
  /** The domain that it is about, in a subproblem. */
  readonly domain: string | null
  readonly subproblems: readonly Problem[]
}

/** Everything that is known of what stands against a question. */
export interface Trouble {
  readonly step: Step
  readonly url: string
  readonly domains: readonly string[]
  /** HTTP; null: there was no answer. */
  readonly status: number | null
  readonly problem: Problem | null
  /** The code of an error below HTTP: ECONNREFUSED, CERT_HAS_EXPIRED… */
  readonly transport: string | null
  /** What was said where there is no problem document. */
  readonly said: string
  /** The header's value. */
  readonly retryAfter: string | null
  /** How far the authority's clock is ahead of ours; null: it did not say. */
  readonly skewMs: number | null
}

const byType = new Map<string, FailureCode>(
  Object.entries({
    invalidContact: 'ACME_ACCOUNT_REFUSED',
    unsupportedContact: 'ACME_ACCOUNT_REFUSED',
    externalAccountRequired: 'ACME_ACCOUNT_REFUSED',
    userActionRequired: 'ACME_ACCOUNT_REFUSED',
    accountDoesNotExist: 'ACME_ACCOUNT_REFUSED',
    incorrectResponse: 'ACME_DOMAIN_ELSEWHERE',
    dns: 'ACME_DOMAIN_ELSEWHERE',
    tls: 'ACME_DOMAIN_ELSEWHERE',
    connection: 'ACME_PORT_BLOCKED',
    badNonce: 'ACME_AUTHORITY_FAILED',
    serverInternal: 'ACME_AUTHORITY_FAILED'
  } as const)
)

const wrongDates = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'])
const untrusted = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_)/

/** @param now for Retry-After in seconds, and to say what our clock says */
export function refusalOf(trouble: Trouble, now: Date): Refusal {
  const code = codeOf(trouble)
  const waitMs = retryAfterMs(trouble.retryAfter, now, code === 'ACME_RATE_LIMITED' ? longestLimitMs : longestWaitMs)
  const isRefused = trouble.status !== null && trouble.status >= 400
  const retryAt = isRefused && waitMs !== null ? new Date(now.getTime() + waitMs).toISOString() : null
  return { code, detail: bounded(detailOf(trouble, now)), retryAt }
}

function codeOf({ step, status, problem, transport, said, skewMs }: Trouble): FailureCode {
  if (transport !== null) return wrongDates.has(transport) ? 'ACME_CLOCK_WRONG' : 'ACME_DIRECTORY_UNREACHABLE'
  const isSkewed = Math.abs(skewMs ?? 0) > hourMs
  if (isSkewed && /not yet valid|expired/i.test(problem?.detail ?? said)) return 'ACME_CLOCK_WRONG'
  const type = typeOf(problem)
  if (status === 429 || type === 'rateLimited') return 'ACME_RATE_LIMITED'
  if (step === 'directory') return 'ACME_DIRECTORY_UNREACHABLE'
  const known = byType.get(type)
  if (known !== undefined) return known
  // A challenge's problem comes inside an answer that is a 200.
  if (step === 'challenge' && type === 'unauthorized') return 'ACME_DOMAIN_ELSEWHERE'
  if (status !== null && status >= 400 && status < 500) {
    const isAboutAccount = step === 'account' || (step === 'order' && type === 'unauthorized')
    return isAboutAccount ? 'ACME_ACCOUNT_REFUSED' : 'ACME_ORDER_REFUSED'
  }
  return problem !== null && (status ?? 0) < 400 ? 'ACME_ORDER_REFUSED' : 'ACME_AUTHORITY_FAILED'
}

/** Several in one (RFC 8555 §6.7.1) are the first of them, unless the whole says more. */
function typeOf(problem: Problem | null): string {
  return problem?.type === 'compound' ? (problem.subproblems[0]?.type ?? '') : (problem?.type ?? '')
}

function detailOf(trouble: Trouble, now: Date): string {
  const { domains, problem, transport, url, status, said, skewMs } = trouble
  const about = domains.length > 0 ? `${domains.join(', ')}: ` : ''
  if (transport !== null) return `${url}: ${said} (${transport})${hintOn(transport, now)}`
  const words = problem === null ? `${url}: ${said}${status === null ? '' : ` (HTTP ${status})`}` : wordsOf(problem)
  return `${about}${words}${skewWords(skewMs)}`
}

function wordsOf({ type, detail, subproblems }: Problem): string {
  const parts = subproblems.map(part => `${part.domain ?? '?'}: ${wordsOf(part)}`)
  const own = type === '' ? detail : `${detail} (${type})`
  return parts.length === 0 ? own : `${own}: ${parts.join('; ')}`
}

function hintOn(transport: string, now: Date): string {
  if (wrongDates.has(transport)) return `; this machine's clock says ${now.toISOString()}`
  return untrusted.test(transport) ? '; tls.directory-ca names the roots that it is checked against' : ''
}

function skewWords(skewMs: number | null): string {
  if (skewMs === null || Math.abs(skewMs) <= hourMs) return ''
  const hours = Math.round(Math.abs(skewMs) / hourMs)
  const where = skewMs > 0 ? 'behind' : 'ahead of'
  return `; this machine's clock is ${hours} hour${hours === 1 ? '' : 's'} ${where} the authority's`
}

function bounded(text: string): string {
  const line = printable(text)
  return line.length <= longestDetail ? line : `${line.slice(0, longestDetail - 1)}…`
}

/** @param value of a Retry-After header: seconds, or a date @param mostMs what is believed */
export function retryAfterMs(value: string | null, now: Date, mostMs = longestWaitMs): number | null {
  if (value === null) return null
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now.getTime()
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), mostMs)
}

/** @returns null when `body` is none */
export function problemOf(body: unknown): Problem | null {
  if (typeof body !== 'object' || body === null) return null
  const { type, detail, title, subproblems, identifier } = body as Record<string, unknown>
  if (typeof type !== 'string' && typeof detail !== 'string') return null
  const parts = Array.isArray(subproblems) ? subproblems.map(problemOf).filter(part => part !== null) : []
  const domain = (identifier as { value?: unknown } | undefined)?.value
  return {
    type: text(type).replace(PREFIX, ''),
    detail: text(detail) || text(title),
    domain: typeof domain === 'string' ? domain : null,
    subproblems: parts
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
