import { X509Certificate } from 'node:crypto'
import { authorityKeyId } from '../../tls/x509.ts'
import type { Outcome, RenewalInfo } from '../authority.ts'
import type { AuthorityClient } from './client.ts'
import { refusalOf, retryAfterMs } from './problem.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const shortestMs = minuteMs
const longestMs = 24 * hourMs
/** Where the authority does not say. */
const usualMs = 6 * hourMs

/** RFC 9773 §4.1. @returns null for a certificate that does not say who issued it */
export async function certId(pem: string): Promise<string | null> {
  const issuer = await authorityKeyId(pem)
  if (issuer === null) return null
  const hex = new X509Certificate(pem).serialNumber
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  // As DER writes it: a serial is positive, so a leading bit that is set has a zero byte before it.
  const serial = Buffer.from(Number.parseInt(even.slice(0, 2), 16) > 0x7f ? `00${even}` : even, 'hex')
  return `${issuer.toString('base64url')}.${serial.toString('base64url')}`
}

/** When an authority wants a certificate renewed (RFC 9773 §4.2). Never throws. */
export async function askRenewalInfo(client: AuthorityClient, cert: string): Promise<Outcome<RenewalInfo | null>> {
  try {
    const { renewalInfo } = await client.directory()
    const id = renewalInfo === null ? null : await certId(cert)
    if (renewalInfo === null || id === null) return { ok: null }
    client.step = 'advice'
    const { status, data } = await client.get(`${renewalInfo.replace(/\/$/, '')}/${id}`)
    if (status === 404) return { ok: null }
    if (status !== 200) throw new Error('no renewal information')
    return { ok: parse(data, client.retryAfter(), new Date()) }
  } catch (cause) {
    return { refused: refusalOf(client.troubleOf(cause, []), new Date()) }
  }
}

function parse(data: unknown, retryAfter: string | null, now: Date): RenewalInfo {
  const { suggestedWindow, explanationURL } = (data ?? {}) as Record<string, unknown>
  const { start, end } = (suggestedWindow ?? {}) as Record<string, unknown>
  const [startMs, endMs] = [Date.parse(String(start)), Date.parse(String(end))]
  // NaN is not less than anything.
  if (!(startMs < endMs)) throw new Error(`a window from ${start} to ${end}`)
  const waitMs = Math.min(Math.max(retryAfterMs(retryAfter, now) ?? usualMs, shortestMs), longestMs)
  return {
    start: new Date(startMs).toISOString(),
    end: new Date(endMs).toISOString(),
    explanationUrl: typeof explanationURL === 'string' ? explanationURL : null,
    askAgainAt: new Date(now.getTime() + waitMs).toISOString()
  }
}
