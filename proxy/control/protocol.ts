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
  readonly connections: number
}

export interface CertificateStatus {
  readonly domains: readonly string[]
  readonly issuer: string
  readonly expiresAt: string
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
