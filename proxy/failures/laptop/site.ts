import type { FailureRow } from '../row.ts'

/** What is wrong with deploy.yaml, and with names that should lead to a server. */
export const siteFailures = {
  SITE_MISSING: {
    status: 0,
    side: 'operator',
    next: 'go to the folder of deploy.yaml, or name it: --site FILE; twinedge init writes one where there is none yet'
  },
  SITE_INVALID: { status: 0, side: 'operator', next: 'mend the lines above, then: twinedge check' },
  SITE_UNKNOWN: {
    status: 0,
    side: 'operator',
    next: 'say it with the options above, or answer in a terminal: twinedge init'
  },
  SITE_EXISTS: {
    status: 0,
    side: 'operator',
    next: 'change them by hand; or: twinedge init --force, which keeps what is there as .bak'
  },
  SITE_ENV_MISSING: {
    status: 0,
    side: 'operator',
    next: 'twinedge init writes it; or say where it is: env of that server in deploy.yaml'
  },
  SITE_ENV_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'mend these lines in the file that is named, on this laptop; then the same command again'
  },
  DNS_FAULTY: {
    status: 0,
    side: 'operator',
    next: 'mend the records above at your DNS provider, then: twinedge dns check'
  },
  DNS_NO_GO: { status: 0, side: 'operator', next: 'mend what stands above, then: twinedge dns switch-plan SERVER' },
  DNS_NOT_SPREAD: {
    status: 0,
    side: 'operator',
    next: 'look at the records at your DNS provider; who remembers the old ones forgets them after their TTL: twinedge dns watch SERVER'
  },
  DNS_UNSERVED: {
    status: 0,
    side: 'operator',
    next: 'point DNS back if users suffer: twinedge dns switch-plan SERVER, with the other server; then: twinedge doctor'
  }
} as const satisfies Record<string, FailureRow>
