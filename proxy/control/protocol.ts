/** The contract between a running edge and whoever operates it: JSON over HTTP on the control socket. Types only. */

/** `GET /healthz`: 200 while it serves, 503 while it stops. */
export interface HealthAnswer {
  readonly status: 'ok' | 'stopping'
  readonly warnings: readonly string[]
}

/** `GET /status` */
export interface StatusAnswer {
  readonly server: string
  readonly version: string
  readonly pid: number
  readonly startedAt: string
  readonly configFile: string | null
  readonly configLoadedAt: string
  readonly logLevel: string
  readonly connections: number
  readonly inFlight: number
  readonly upstreams: readonly UpstreamStatus[]
  readonly certificates: readonly CertificateStatus[]
  readonly renewals: readonly RenewalStatus[]
}

export interface UpstreamStatus {
  readonly name: string
  readonly slot: string
  readonly origin: string
  readonly isActive: boolean
  readonly health: 'up' | 'down' | 'unknown' | 'unchecked'
  /** What the last probe saw, in words; null before the first. */
  readonly lastProbe: string | null
  readonly inFlight: number
  /** Of those in flight: event streams, and WebSockets. */
  readonly streams: number
  readonly webSockets: number
  readonly connections: number
  /** What becomes of a slot that no longer serves; null: nothing was asked. */
  readonly drain: DrainStatus | null
  /** Of the upstream, so the same for both slots. */
  readonly hold: HoldStatus
  /** Of the upstream, since the last `POST /slots/tally`. */
  readonly tally: Tally
}

export interface DrainStatus {
  readonly beganAt: string
  /** When what is left is cut. */
  readonly cutAt: string
  /** In flight when it began. */
  readonly carried: { readonly requests: number; readonly streams: number; readonly webSockets: number }
  /** Ended by us before they were over; WebSockets that closed on our close frame are not among them. */
  readonly cut: number
  readonly isDone: boolean
}

/** `paused`: requests wait at the edge; `maintenance`: they get a page, 503. */
export interface HoldStatus {
  readonly mode: 'open' | 'paused' | 'maintenance'
  /** Requests that wait now. */
  readonly waiting: number
}

/** As clients saw it: an answer cut short counts as failed, whatever its status said; a client that left does not. */
export interface Tally {
  readonly since: string
  readonly requests: number
  readonly failed: number
  readonly streamsCut: number
  /** The longest time to a first byte, waiting at the edge included; ms. */
  readonly longestMs: number
}

/**
 * `POST /slots/probe`: 200 with what one try saw. The slot need not serve.
 * `POST /slots/promote`: probes until `passes` in a row were good, writes the active slot to disk, then sends new
 * requests there: 200. 409 EDGE_SLOT_UNHEALTHY with what the last probe saw; nothing has changed then. Promoting the
 * active slot is 200, too: whoever lost the answer may ask again.
 */
export interface PromoteRequest {
  readonly upstream: string
  readonly slot: string
  readonly passes: number
  readonly withinMs: number
}

export interface PromoteAnswer {
  readonly upstream: string
  readonly slot: string
  /** The slot that served until now. */
  readonly before: string
  /** What each probe saw, in order. */
  readonly probes: readonly string[]
}

export interface ProbeAnswer {
  readonly isGood: boolean
  readonly saw: string
}

/**
 * `POST /slots/drain`: 202, begun; GET /status tells how far it is. 409 EDGE_SLOT_ACTIVE for the slot that serves.
 * WebSockets get a close frame (1012, RFC 6455) at once and `graceMs` to close; all the rest may go on for `withinMs`.
 */
export interface DrainRequest {
  readonly upstream: string
  readonly slot: string
  readonly withinMs: number
  readonly graceMs: number
}

/** `POST /slots/hold`: 200 with HoldStatus. Not kept over a restart of the edge. */
export interface HoldRequest {
  readonly upstream: string
  readonly mode: HoldStatus['mode']
  /** For `paused`: a request waits this long at most, then 503 EDGE_HELD_TOO_LONG; and after this it opens by itself. */
  readonly longestMs: number
  /** For `open`: what waits is let go evenly over this time. */
  readonly spreadMs: number
}

/** `POST /slots/tally`: 200; counts of this upstream begin anew. */
export interface TallyRequest {
  readonly upstream: string
}

export interface CertificateStatus {
  /** Those of the edge's domains that get it. */
  readonly domains: readonly string[]
  readonly issuer: string
  readonly expiresAt: string
}

/** `GET /certificates` */
export interface CertificatesAnswer {
  readonly mode: 'local' | 'files' | 'acme'
  /** What serves now. */
  readonly certificates: readonly CertificateStatus[]
  /** What the authority is asked for; none unless the mode is `acme`. */
  readonly renewals: readonly RenewalStatus[]
  /** Of this edge's account key, for tls.peer-thumbprint on the other one; null unless the mode is `acme`. */
  readonly thumbprint: string | null
}

/** One certificate that is kept up by ACME. */
export interface RenewalStatus {
  /** Its first domain, which its files are named by. */
  readonly name: string
  readonly domains: readonly string[]
  readonly state: 'waiting' | 'due' | 'ordering' | 'failing'
  /** Of the stored certificate; null: there is none yet, the local one serves. */
  readonly issuer: string | null
  readonly expiresAt: string | null
  /**
   * When it is ordered next, after the authority's advice (`ari`), our own rule (`age`) or a failure (`retry`);
   * `moved`: what is stored came from another directory than the configured one.
   */
  readonly nextAt: string
  readonly reason: 'missing' | 'moved' | 'ari' | 'age' | 'retry' | 'asked'
  /** Failed orders in a row. */
  readonly failures: number
  readonly lastError: RenewalError | null
}

export interface RenewalError {
  readonly code: string
  /** With the authority's own words. */
  readonly detail: string
  readonly next: string
  readonly at: string
}

/** `POST /certificates/renew`: 202 when it was begun; with `dryRun` 200 when it is done. */
export interface RenewRequest {
  /** Names of renewals; none: all of them. */
  readonly names: readonly string[]
  /** Now, however much life is left. Without it only what is due or failing. */
  readonly force: boolean
  /** Against `directory`, with nothing stored. */
  readonly dryRun: boolean
  /** null: the staging directory that belongs to the configured one. */
  readonly directory: string | null
}

export interface RenewAnswer {
  readonly renewals: readonly RenewOutcome[]
}

export interface RenewOutcome {
  readonly name: string
  readonly domains: readonly string[]
  readonly outcome: 'issued' | 'failed' | 'begun' | 'not due'
  /** Of an `issued` one. */
  readonly issuer: string | null
  readonly expiresAt: string | null
  readonly error: RenewalError | null
}

/** `POST /certificates/import`: 200 with ImportAnswer, or 409 with FailureAnswer. */
export interface ImportRequest {
  readonly certificates: readonly {
    /** Where it was found: for messages. */
    readonly source: string
    /** PEM chain, leaf first. */
    readonly cert: string
    /** PEM private key. */
    readonly key: string
  }[]
}

export interface ImportAnswer {
  readonly certificates: readonly {
    readonly source: string
    /** Names of the renewals that it was stored for; none: `reason` says why. */
    readonly names: readonly string[]
    readonly reason: string | null
  }[]
}

/** `POST /reload`: 200 with `changed`, or 409 with FailureAnswer; then what ran goes on running. */
export interface ReloadAnswer {
  readonly changed: readonly string[]
}

/** `GET /log-level`, `PUT /log-level {level}` */
export interface LogLevelAnswer {
  readonly level: string
}

/** Any 4xx or 5xx */
export interface FailureAnswer {
  readonly code: string
  readonly detail: string
  readonly next: string
}
