/** The part of the contract that is about the link to the other server's edge. Types only. */

/** `GET /link`: 200, or 409 LINK_OFF. */
export interface LinkStatus {
  /** `up`: at least one line is open, and the peer has answered on it lately. */
  readonly state: 'up' | 'connecting' | 'down' | 'unpaired'
  /** When it became so. */
  readonly since: string
  /** As configured: host and port. */
  readonly peer: string
  /** What stands in the way; null while it is up. */
  readonly fault: LinkFault | null
  /** The shortest of the last round trips, in ms; null: none was measured yet. */
  readonly roundTripMs: number | null
  readonly lines: LineCounts
  readonly keys: LinkKeys
  /** What the peer told of itself last; null: nothing yet. */
  readonly report: PeerReport | null
  /** When that came. */
  readonly reportedAt: string | null
  /** How far the peer's clock is ahead of ours, in ms. */
  readonly clockAheadMs: number | null
}

/** What `GET /status` has of it. */
export type LinkSummary = Pick<LinkStatus, 'state' | 'peer' | 'fault' | 'roundTripMs' | 'lines'>

export interface LinkFault {
  readonly code: string
  readonly detail: string
  readonly next: string
  readonly at: string
}

/** Connections to the peer, and from it. */
export interface LineCounts {
  /** Open and waiting for a request. */
  readonly spare: number
  /** How many shall wait. */
  readonly wanted: number
  readonly inUse: number
  /** From the peer. */
  readonly incoming: number
  /** Since the start: lines that went on over another connection, after theirs was lost. */
  readonly resumed: number
}

/** A public key, by its fingerprint: `SHA256:` and the base64 of its SPKI's hash, without padding. */
export interface LinkKey {
  readonly fingerprint: string
  readonly madeAt: string | null
  /** null: not known, as of a peer's key that was never seen. */
  readonly expiresAt: string | null
}

export interface LinkKeys {
  readonly own: LinkKey
  /** Made by a rotation that the peer has not heard of yet. */
  readonly next: LinkKey | null
  /** Those that are taken for the peer's. */
  readonly peer: readonly LinkKey[]
}

/** `POST /link/pair`: takes a key for the peer's, or takes one away; 200 with LinkKeys. */
export interface PairRequest {
  readonly fingerprint: string
  readonly forget: boolean
}

/**
 * `POST /link/rotate`: a new key for this edge, which the peer takes before it is used; 200 with LinkKeys, or 409 LINK_DOWN:
 * the new key is kept as `next`, and handed over as soon as the link is up.
 */
export type RotateAnswer = LinkKeys

/** `POST /link/measure`: 200 with LinkMeasure, or 409 LINK_DOWN. Takes up to `longestMs`. */
export interface MeasureRequest {
  /** In each direction. */
  readonly bytes: number
  readonly longestMs: number
}

export interface LinkMeasure {
  readonly roundTripMs: { readonly least: number; readonly median: number; readonly most: number }
  /** Small messages that were sent and answered, and those of them that took a retransmission's time longer. */
  readonly messages: { readonly sent: number; readonly late: number }
  /** Bytes per second. */
  readonly up: number
  readonly down: number
}

/** What an edge tells the other of itself, every few seconds. */
export interface PeerReport {
  /** Of the link's own protocol. */
  readonly protocol: number
  /** Of the release. */
  readonly version: string
  readonly server: string
  /** Milliseconds since 1970, as it was sent. */
  readonly now: number
  readonly isStopping: boolean
  /** Of its ACME account; null: it has none. */
  readonly thumbprint: string | null
  readonly tlsMode: string
  readonly domains: readonly string[]
  readonly certificates: readonly PeerCertificate[]
  /** Those that a route leads to. */
  readonly upstreams: readonly PeerUpstream[]
  /** What must be the same on both servers: path of the setting → its value, as text. */
  readonly agreed: Readonly<Record<string, string>>
}

export interface PeerCertificate {
  /** Those of its domains that get it. */
  readonly domains: readonly string[]
  readonly issuer: string
  readonly beginsAt: string
  readonly expiresAt: string
  /** Made by an authority of that machine's own, which no browser knows. */
  readonly isLocal: boolean
}

export interface PeerUpstream {
  readonly name: string
  /** It has a way to it that is not the link. */
  readonly isLocal: boolean
  /** Over whatever way it goes there; not while its requests are held. */
  readonly isUp: boolean
  /** That way leads through the other server, now. */
  readonly isBorrowed: boolean
  /** false: it has no health check, so that nobody knows. */
  readonly isChecked: boolean
  /** What its last probe saw, for the operator. */
  readonly saw: string
  /** The newest build whose files are kept there; null: none are. */
  readonly build: string | null
}

/** `GET /standby`: 200, or 409 LINK_OFF. */
export interface StandbyAnswer {
  /** The other server's first, then this one's. */
  readonly verdicts: readonly StandbyVerdict[]
}

/** Whether a server could take the whole site over now. */
export interface StandbyVerdict {
  readonly server: string
  readonly isSelf: boolean
  readonly isGo: boolean
  /** Why not. */
  readonly reasons: readonly StandbyFinding[]
  /** What does not stand in the way, but should be known: that an upstream is not checked, say. */
  readonly notes: readonly StandbyFinding[]
  /** Upstreams that this server could not serve if the other were dead: each a reason for whoever asks about that. */
  readonly borrowed: readonly BorrowedUpstream[]
}

export interface StandbyFinding {
  readonly what: string
  /** The next command; null: nothing to do. */
  readonly next: string | null
}

export interface BorrowedUpstream extends StandbyFinding {
  readonly upstream: string
}
