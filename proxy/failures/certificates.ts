import type { FailureRow } from './row.ts'

/** Certificates: files of the operator, and authorities. */
export const certificateFailures = {
  TLS_FILE_UNREADABLE: { status: 0, side: 'operator', next: 'check the path and its permissions' },
  TLS_CERTIFICATE_INVALID: {
    status: 0,
    side: 'operator',
    next: 'use a PEM chain, leaf first: openssl x509 -text -in FILE'
  },
  TLS_KEY_MISMATCH: { status: 0, side: 'operator', next: 'give the key that this certificate was made for' },
  TLS_DOMAIN_UNCOVERED: {
    status: 0,
    side: 'operator',
    next: 'add a certificate for this name, or take it out of domains'
  },
  ACME_OFF: { status: 0, side: 'operator', next: 'set tls.mode: acme, then: twinedge reload' },
  ACME_DIRECTORY_UNREACHABLE: {
    status: 0,
    side: 'operator',
    next: 'check tls.directory and the way out to it: curl -v URL; it is tried again by itself'
  },
  ACME_ACCOUNT_REFUSED: { status: 0, side: 'operator', next: 'correct tls.email or tls.eab, then: twinedge reload' },
  ACME_DOMAIN_ELSEWHERE: {
    status: 0,
    side: 'operator',
    next: 'point DNS here, or link the two servers (twinedge link), or set tls.peer-thumbprint on the one that it points at; then: twinedge certs renew'
  },
  ACME_PORT_BLOCKED: {
    status: 0,
    side: 'operator',
    next: 'open ports 80 and 443 in the firewall and at the provider, then: twinedge certs renew'
  },
  ACME_RATE_LIMITED: {
    status: 0,
    side: 'operator',
    next: 'wait: it is tried again by itself when the limit allows it'
  },
  ACME_ORDER_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'mend what the authority says (tls, domains, a CAA record), then: twinedge certs renew'
  },
  ACME_AUTHORITY_FAILED: { status: 0, side: 'operator', next: 'wait: the authority has a fault, it is tried again' },
  ACME_CLOCK_WRONG: { status: 0, side: 'operator', next: 'set the clock: timedatectl set-ntp true' },
  ACME_CERTIFICATE_UNFIT: {
    status: 0,
    side: 'operator',
    next: 'report it to the authority: what it issued was not taken, what served goes on'
  }
} as const satisfies Record<string, FailureRow>
