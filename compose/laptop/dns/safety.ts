import { isIPv6 } from 'node:net'
import type { CertificatesAnswer, StandbyFinding, StandbyVerdict } from '../../../proxy/control/protocol.ts'
import { type EdgeError, failures } from '../../../proxy/errors.ts'
import type { EntrySeen } from '../../server/entry/records.ts'
import { alone } from '../../status/standby.ts'
import type { ServerPlan, Site } from '../plan/site.ts'
import { findingsOf } from './findings.ts'
import type { DomainRecords } from './records.ts'

/** Whether a server may become the entry, and why not. */
export interface Safety {
  readonly isGo: boolean
  readonly reasons: readonly StandbyFinding[]
  readonly notes: readonly StandbyFinding[]
}

/** Everything that it is judged by. */
export interface Sight {
  readonly site: Site
  readonly target: ServerPlan
  /** What its edge says. */
  readonly seen: EntrySeen | EdgeError
  /** What a request to it got, for each domain: '' where it was served. */
  readonly visits: ReadonlyMap<string, string>
  readonly records: readonly DomainRecords[]
  /** As in a CAA record; null: nobody certifies, or it is not known by name. */
  readonly issuer: string | null
  /** As if the other server were dead. */
  readonly isAlone: boolean
  readonly now: Date
}

/** As `standby` asks of a certificate. */
const shortestLifeMs = 24 * 3_600_000

/** GO only where all of it is known to be good. */
export function safetyOf(sight: Sight): Safety {
  const { site, target, seen, visits, records, issuer, isAlone } = sight
  if ('code' in seen) {
    const reasons = [{ what: `${target.name} is not reached: ${seen.code}: ${seen.detail}`, next: seen.next }]
    return { isGo: false, reasons, notes: [] }
  }
  const verdict = verdictIn(seen, isAlone)
  const refused = [...visits].filter(([, why]) => why !== '')
  const reasons = [
    ...verdict.reasons,
    ...uncovered(sight, seen.certificates),
    ...refused.map(([domain, why]) => ({
      what: `https://${domain}/ at ${target.address}: ${why}`,
      next: `twinedge doctor --server ${target.name}`
    })),
    ...findingsOf(site, records, issuer)
      .filter(({ what, isFault }) => isFault && what.startsWith('the CAA record'))
      .map(({ domain, what, next }) => ({ what: `${domain}: ${what}`, next }))
  ]
  return { isGo: reasons.length === 0, reasons, notes: [...verdict.borrowed, ...verdict.notes] }
}

function verdictIn({ standby }: EntrySeen, isAlone: boolean): StandbyVerdict {
  if ('code' in standby) {
    const reason = { what: `${standby.code}: ${standby.detail}`, next: failures[standby.code].next }
    return { server: '', isSelf: true, isGo: false, reasons: [reason], notes: [], borrowed: [] }
  }
  const own = standby.verdicts.find(({ isSelf }) => isSelf)!
  return isAlone ? alone(own) : own
}

/** `standby` asks for the domains that the edges know; deploy.yaml may have another one. */
function* uncovered(
  { site, target, now }: Sight,
  { certificates, mode }: CertificatesAnswer
): Iterable<StandbyFinding> {
  for (const domain of site.domains) {
    const own = certificates.filter(({ domains }) => domains.includes(domain))
    const isLasting = own.some(({ expiresAt }) => Date.parse(expiresAt) - now.getTime() > shortestLifeMs)
    const isKnown = mode === 'local' || own.some(({ isLocal }) => !isLocal)
    if (isLasting && isKnown) continue
    const what = own.length === 0 ? 'none there' : isKnown ? 'it ends within a day' : 'only a local one is there'
    const next = `twinedge certs --server ${target.name}; then: twinedge certs renew --server ${target.name}`
    yield { what: `the certificate for ${domain}: ${what}`, next }
  }
}

/** Of a kind of address, what a server is reached by; none: nothing is known. */
export function addressesOf(server: ServerPlan, seen: EntrySeen | EdgeError, isSix: boolean): string[] {
  const own = 'code' in seen ? [] : seen.addresses.filter(address => isIPv6(address) && !/^f[cd]/i.test(address))
  return [server.address, ...(isSix ? own : [])].filter(
    (one, at, all) => isIPv6(one) === isSix && all.indexOf(one) === at
  )
}
