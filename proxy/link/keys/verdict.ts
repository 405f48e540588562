import type { X509Certificate } from 'node:crypto'

/**
 * What is to be thought of a certificate that came in a handshake: `own` is this edge's (a link to oneself, or a state
 * folder that was copied to the other server); `unpaired`: there is no pin at all; `clock`: it is from the future.
 */
export type Verdict = 'known' | 'unknown' | 'expired' | 'clock' | 'unpaired' | 'own'

/** Clocks differ; more than this is a fault that somebody has to mend. */
const skewMs = 3_600_000

/** Of a certificate whose key is pinned. */
export function verdictOn({ validFromDate, validToDate }: X509Certificate, now: Date): Verdict {
  if (validToDate <= now) return 'expired'
  return validFromDate.getTime() > now.getTime() + skewMs ? 'clock' : 'known'
}
