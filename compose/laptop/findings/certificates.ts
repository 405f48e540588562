import { edgeOf, type ServerEvidence } from '../doctor/evidence.ts'
import type { ServerCheck, Told } from '../doctor/finding.ts'
import { nextAt } from '../plan/commands.ts'

const dayMs = 86_400_000
/** By then a renewal has failed for weeks. */
const soonDays = 10

export const certificateChecks: readonly ServerCheck[] = [
  {
    id: 'certificate-ends',
    about: 'certificates are good for more than ten days',
    severity: 'fault',
    look: (one, { nowMs }) => {
      const all = edgeOf(one)?.certificates
      if (all === undefined) return null
      return all.flatMap(({ domains, issuer, expiresAt }): Told[] => {
        const days = Math.floor((Date.parse(expiresAt) - nowMs) / dayMs)
        if (days >= soonDays || domains.length === 0) return []
        const what = days < 0 ? 'has expired: browsers refuse it' : `ends in ${days} days`
        return [
          {
            what: `the certificate of ${domains.join(', ')} ${what}`,
            seen: `twinedge certs: by ${issuer}, until ${expiresAt}`,
            mend:
              modeOf(one) === 'files'
                ? `put the new files in place of the old ones there, then: twinedge reload --server ${one.plan.name}`
                : `twinedge certs renew --force --server ${one.plan.name}`,
            severity: days < soonDays / 2 ? 'fault' : 'warning'
          }
        ]
      })
    }
  },
  {
    id: 'renewal-fails',
    about: 'no renewal fails',
    severity: 'fault',
    look: one => {
      const all = edgeOf(one)?.renewals
      if (all === undefined || all.length === 0) return null
      return all
        .filter(({ state, failures }) => state === 'failing' || failures > 0)
        .map(({ name, failures, lastError, expiresAt }) => ({
          what: `the certificate of ${name} cannot be ${expiresAt === null ? 'had' : 'renewed'}`,
          seen: `twinedge certs: ${failures} failures in a row; ${lastError?.code ?? ''}: ${lastError?.detail ?? ''}`,
          mend: lastError === null ? `twinedge certs --server ${one.plan.name}` : nextAt(one.plan.name, lastError.next),
          severity: expiresAt === null ? 'fault' : 'warning'
        }))
    }
  },
  {
    id: 'name-uncovered',
    about: 'every domain has a certificate',
    severity: 'fault',
    look: (one, { site }) => {
      const edge = edgeOf(one)
      if (edge === null) return null
      const covered = new Set(edge.certificates.flatMap(({ domains }) => domains.map(name => name.toLowerCase())))
      const missing = site.domains.filter(name => !covered.has(name.toLowerCase()))
      if (missing.length === 0) return []
      return [
        {
          what: `no certificate for ${missing.join(', ')}`,
          seen: `the edge serves ${[...covered].join(', ') || 'none'}`,
          mend: `put the same names into DOMAINS in ${one.plan.envFile} and into deploy.yaml, then: twinedge bootstrap ${one.plan.name}`
        }
      ]
    }
  },
  {
    id: 'certificate-distrusted',
    about: 'a browser trusts what is served',
    severity: 'fault',
    look: one => {
      const { handshakes } = one.outside
      const done = handshakes.filter(({ refused }) => refused === null)
      if (done.length === 0) return null
      const bad = done.filter(({ distrust }) => distrust !== null)
      return bad.map(({ domain, distrust, issuer }) => ({
        what: `a browser refuses ${domain} at ${one.plan.address}`,
        seen: `TLS from here: ${distrust}; issued by ${issuer}`,
        mend: isTrial(domain)
          ? 'nothing to do for a trial: no authority certifies such a name'
          : modeOf(one) === 'acme'
            ? `twinedge certs --server ${one.plan.name} says what stood against it; look at ACME_DIRECTORY in ${one.plan.envFile}`
            : `TLS_MODE=acme in ${one.plan.envFile}, then: twinedge bootstrap ${one.plan.name}; twinedge certs --server ${one.plan.name}`,
        severity: isTrial(domain) ? 'warning' : 'fault'
      }))
    }
  }
]

/** null: nobody has looked. */
function modeOf({ tool }: ServerEvidence): string | null {
  return tool?.examined?.environment.values.TLS_MODE ?? null
}

function isTrial(domain: string): boolean {
  return /(?:^|\.)(?:localhost|test)$/i.test(domain)
}
