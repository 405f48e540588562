import type { EdgeConfig } from './config/config.ts'
import type { RenewalStatus } from './control/protocol.ts'
import type { Certificates } from './tls/certificates.ts'

/** Everything that a warning about certificates is made of. */
export interface Kept {
  readonly config: EdgeConfig
  readonly certificates: Certificates
  readonly renewals: readonly RenewalStatus[]
  /** Of our own account; null: there is none. */
  readonly thumbprint: string | null
  /** Why nothing is ordered at all; null: it is. */
  readonly fault: string | null
}

/** What an operator should know of the certificates, in health and in the log: what serves goes on serving. */
export function warningsOf({ config, certificates, renewals, thumbprint, fault }: Kept, now: Date): string[] {
  const failing = renewals.filter(({ failures }) => failures > 0)
  const isTold = (domain: string): boolean => failing.some(({ domains }) => domains.includes(domain))
  const makeshift = certificates.makeshift.filter(domain => !isTold(domain))
  const isOwn = thumbprint !== null && thumbprint === config.peerThumbprint
  return [
    ...certificates.warningsAt(now),
    ...(fault === null ? [] : [`nothing is ordered: ${fault}`]),
    ...failing.map(renewal => warningOf(renewal, certificates, now)),
    ...makeshift.map(domain => `${domain}: there is no certificate yet: the local one serves`),
    ...(isOwn ? ['tls.peer-thumbprint is that of this edge itself: it must be that of the other one'] : [])
  ]
}

function warningOf(renewal: RenewalStatus, { status, makeshift }: Certificates, now: Date): string {
  const { name, domains, failures, lastError, nextAt } = renewal
  const serving = status.filter(one => domains.some(domain => one.domains.includes(domain)))
  const endMs = Math.min(...serving.map(({ expiresAt }) => Date.parse(expiresAt)))
  const isMakeshift = domains.some(domain => makeshift.includes(domain))
  const days = endMs <= now.getTime() ? 'expired' : `${Math.floor((endMs - now.getTime()) / 86_400_000)} days left`
  const left = isMakeshift ? 'no certificate yet, the local one serves' : days
  const tries = failures === 1 ? 'a try has failed' : `${failures} tries have failed`
  return `${name}: ${left}; ${tries}, the next at ${nextAt}: ${lastError?.code}: ${lastError?.detail}`
}
