import type {
  LinkFault,
  PeerCertificate,
  PeerReport,
  PeerUpstream,
  StandbyVerdict
} from '../../../../proxy/control/protocol.ts'
import { REPORT_PROTOCOL } from '../../../../proxy/link/report/compile.ts'
import type { World } from '../../../../proxy/link/report/verdict.ts'

export const now = Date.parse('2026-11-23T03:00:00.000Z')
export const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'

/** `hours` from now, as it is written. */
export function inHours(hours: number): string {
  return new Date(now + hours * 3_600_000).toISOString()
}

export function certificate(differences: Partial<PeerCertificate> = {}): PeerCertificate {
  return {
    domains: ['example.com', 'www.example.com'],
    issuer: "C=US, O=Let's Encrypt, CN=E7",
    beginsAt: inHours(-24),
    expiresAt: inHours(24 * 60),
    isLocal: false,
    ...differences
  }
}

export function upstream(name: string, differences: Partial<PeerUpstream> = {}): PeerUpstream {
  const good = { isLocal: true, isUp: true, isBorrowed: false, isChecked: true, saw: '200 ok', build: null }
  return { name, ...good, ...differences }
}

/** One that has its upstreams itself and lacks nothing. */
export function report(server: string, differences: Partial<PeerReport> = {}): PeerReport {
  return {
    protocol: REPORT_PROTOCOL,
    version: '1.0.0',
    server,
    now,
    isStopping: false,
    thumbprint,
    tlsMode: 'acme',
    domains: ['example.com', 'www.example.com'],
    certificates: [certificate()],
    upstreams: [upstream('api'), upstream('web')],
    agreed: { domains: 'example.com, www.example.com', hsts: 'none', 'routes[/]': 'web, idle 60s, body 1m' },
    ...differences
  }
}

/** Both servers are good, and hear of each other. */
export function world(differences: Partial<World> = {}): World {
  return {
    own: report('frontend'),
    report: report('backend'),
    reportedAt: now - 2_000,
    linkFault: null,
    clockAheadMs: 40,
    roundTripMs: 200,
    peer: '203.0.113.7:7443',
    ...differences
  }
}

export const cut: LinkFault = {
  code: 'LINK_DOWN',
  detail: 'no answer from 203.0.113.7:7443',
  next: 'twinedge link',
  at: inHours(-1)
}

/** Reasons and next steps, one a line. */
export function reasonsOf({ reasons }: StandbyVerdict): string[] {
  return reasons.map(({ what, next }) => `${what} → ${next}`)
}
