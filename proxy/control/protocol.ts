/** The contract between a running edge and whoever operates it: JSON over HTTP on the control socket. Types only. */
import type { LinkSummary } from './link-protocol.ts'
import type { UpstreamStatus } from './slot-protocol.ts'

export type * from './link-protocol.ts'

export type * from './slot-protocol.ts'

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
  /** null: there is none. */
  readonly link: LinkSummary | null
}

export interface CertificateStatus {
  /** Those of the edge's domains that get it. */
  readonly domains: readonly string[]
  readonly issuer: string
  readonly beginsAt: string
  readonly expiresAt: string
  /** Made by the authority of this machine, which no browser knows. */
  readonly isLocal: boolean
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

/** `GET /assets`: what is kept of the builds of an upstream. */
export interface AssetsStatus {
  /** Whose builds; null: the configuration keeps none. */
  readonly upstream: string | null
  /** Newest first. */
  readonly builds: readonly { readonly id: string; readonly at: string; readonly files: number }[]
  readonly files: number
  /** On disk, compressed copies included. */
  readonly bytes: number
}

/**
 * `POST /assets`, a plain tar as `application/x-tar`: 200 once all of it is on disk and served, or 409 with FailureAnswer;
 * then nothing has changed. Everything is below one folder, whatever its name, that is taken off: `static/chunks/a.js`
 * becomes `chunks/a.js` below assets.path, as the engine archives `/app/.next/static`.
 */
export interface AssetsAnswer {
  /** By what is in it: the same build has the same id, however often it is sent. */
  readonly id: string
  readonly files: number
  readonly bytes: number
  /** Those that no build before had. */
  readonly newFiles: number
  readonly newBytes: number
  /** Paths at which another build has other bytes: the upstream answers there. */
  readonly contested: readonly string[]
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
