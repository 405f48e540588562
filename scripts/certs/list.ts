import { parseArgs } from 'node:util'
import type { CertificateStatus, CertificatesAnswer, RenewalStatus } from '../../proxy/control/protocol.ts'
import { ask, placeOptions } from '../control-client.ts'
import { span, table } from '../terminal.ts'
import { failureLines } from './failure-lines.ts'

const dayMs = 86_400_000
export const head = ['DOMAINS', 'ISSUER', 'DAYS LEFT', 'NEXT RENEWAL', 'STATE']

export async function list(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...placeOptions, json: { type: 'boolean' } } })
  const { body } = await ask(values, 'GET', '/certificates')
  console.log(values.json ? body : describe(JSON.parse(body) as CertificatesAnswer, Date.now()))
  return 0
}

function describe(answer: CertificatesAnswer, nowMs: number): string {
  const paragraphs = [...failureParagraphs(answer, nowMs), peer(answer.thumbprint)]
  return [table([head, ...certificateRows(answer, nowMs)]), ...paragraphs.filter(text => text !== '')].join('\n\n')
}

/** Below `head`. */
export function certificateRows({ mode, certificates, renewals }: CertificatesAnswer, nowMs: number): string[][] {
  if (mode === 'acme') return renewals.map(renewal => renewalRow(renewal, certificates, nowMs))
  return certificates.map(({ domains, issuer, expiresAt }) => [
    named(domains),
    issuer,
    left(expiresAt, nowMs),
    '-',
    '-'
  ])
}

/** What stood against a renewal, and what to do. */
export function failureParagraphs({ renewals }: CertificatesAnswer, nowMs: number): string[] {
  const failing = renewals.filter(({ failures, lastError }) => failures > 0 || lastError !== null)
  return failing.map(renewal => failure(renewal, nowMs))
}

function renewalRow(renewal: RenewalStatus, certificates: readonly CertificateStatus[], nowMs: number): string[] {
  const { domains, state, lastError } = renewal
  const serving = certificates.filter(certificate => certificate.domains.some(domain => domains.includes(domain)))
  const issuers = [...new Set(serving.map(({ issuer }) => issuer))]
  // The one that ends first decides when somebody sees a warning in a browser.
  const [soonest] = serving.map(({ expiresAt }) => expiresAt).sort((a, b) => Date.parse(a) - Date.parse(b))
  const said = state === 'failing' && lastError !== null ? `failing: ${lastError.code}` : state
  const next = state === 'ordering' ? 'now' : moment(renewal.nextAt, nowMs)
  return [named(domains), issuers.join(' / ') || '-', soonest === undefined ? '-' : left(soonest, nowMs), next, said]
}

function failure({ name, failures, lastError }: RenewalStatus, nowMs: number): string {
  const times = failures === 1 ? 'failed once' : `failed ${failures} times in a row`
  const ago = lastError === null ? '' : `, the last time ${span(Math.max(0, nowMs - Date.parse(lastError.at)))} ago`
  return [`${name}: ${times}${ago}`, ...(lastError === null ? [] : failureLines(lastError))].join('\n')
}

function peer(thumbprint: string | null): string {
  if (thumbprint === null) return ''
  return [
    `The thumbprint of this edge is ${thumbprint}`,
    'So that it renews wherever DNS points, link the two servers (twinedge link); or set this on the other, then reload there:',
    '  tls:',
    `    peer-thumbprint: ${thumbprint}`
  ].join('\n')
}

function named(domains: readonly string[]): string {
  return domains.join(', ') || '(no domain)'
}

function left(expiresAt: string, nowMs: number): string {
  const leftMs = Date.parse(expiresAt) - nowMs
  if (leftMs <= 0) return 'expired'
  return leftMs < dayMs ? `0 (${span(leftMs)})` : `${Math.floor(leftMs / dayMs)}`
}

/** In UTC, as the log has it. */
function moment(at: string, nowMs: number): string {
  const inMs = Date.parse(at) - nowMs
  if (inMs <= 0) return 'now'
  return `${at.slice(0, 16).replace('T', ' ')}Z (in ${span(inMs)})`
}
