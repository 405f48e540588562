import type { ChallengeType } from '../config/config.ts'
import type { FailureCode } from '../errors.ts'

/** A certificate authority that speaks ACME (RFC 8555). Asked for one thing at a time. */
export interface Authority {
  /** Never throws: what stood against it is in the outcome, with the authority's own words. */
  order(order: Order, challenges: OpenChallenges): Promise<Outcome<Issued>>
  /** When the authority wants it renewed (RFC 9773 §4.2). null: it has no such advice, or not for this certificate. */
  renewalInfo(directory: Directory, cert: string): Promise<Outcome<RenewalInfo | null>>
  /** Ends what is under way: its outcome is a refusal with EDGE_STOPPING. */
  stop(): void
}

export interface Directory {
  readonly url: string
  /** PEM roots that its own certificate is checked against; null: Node's. */
  readonly ca: string | null
}

/** Everything that one order needs, as data: it crosses into another process. */
export interface Order {
  readonly directory: Directory
  /** PEM private key of the account; the account is made when the directory does not know it. */
  readonly accountKey: string
  readonly email: string | null
  readonly eab: { readonly kid: string; readonly hmacKey: string } | null
  readonly domains: readonly string[]
  readonly profile: string | null
  readonly keyType: 'ecdsa' | 'rsa'
  /** What domains are proved by, the best first; the authority may not offer all of them. */
  readonly challenges: readonly ChallengeType[]
  /** PEM of the certificate that this one takes the place of (RFC 9773 §5); null: none, or another account's. */
  readonly replaces: string | null
}

export interface Issued {
  /** PEM chain, leaf first. */
  readonly cert: string
  /** PEM private key (PKCS #8). */
  readonly key: string
}

export interface RenewalInfo {
  /** ISO times: the suggested window. */
  readonly start: string
  readonly end: string
  readonly explanationUrl: string | null
  /** When to ask again: Retry-After, from one minute to one day. ISO time. */
  readonly askAgainAt: string
}

export type Outcome<T> = { readonly ok: T } | { readonly refused: Refusal }

export interface Refusal {
  readonly code: FailureCode
  /** For the operator, in the authority's own words where it gave some. */
  readonly detail: string
  /** The authority said when (Retry-After); ISO time. null: it did not. */
  readonly retryAt: string | null
}

/** What the listeners answer while an order is open. */
export interface OpenChallenges {
  /** HTTP-01 (RFC 8555 §8.3): the token is one of ours. */
  openHttp(token: string): void
  /** TLS-ALPN-01 (RFC 8737): what is shown to who asks for `domain` by acme-tls/1. */
  openAlpn(domain: string, pair: { readonly cert: string; readonly key: string }): void
  /** The order is over, however it ended. */
  closeAll(): void
}
