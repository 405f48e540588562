import type { CertificatesAnswer, StandbyAnswer, StatusAnswer } from '../../../proxy/control/protocol.ts'
import type { FailureCode } from '../../../proxy/errors.ts'

/** What an edge says of itself as the entry of a site, now or one day. */
export interface EntrySeen {
  readonly status: StatusAnswer
  readonly certificates: CertificatesAnswer
  /** Of both servers, as this one sees them; a failure where there is no link. */
  readonly standby: StandbyAnswer | { readonly code: FailureCode; readonly detail: string }
  /** Where it takes HTTPS. */
  readonly httpsPort: number
  /** Of this server, those that the world may reach it by, as far as it knows: not one that a provider translates. */
  readonly addresses: readonly string[]
}
