/** What the edge runs on: the operator's file, every default filled in and every unit converted. Read-only. */
export interface EdgeConfig {
  /** Which of the two servers this edge stands on; `single` carries both halves. */
  readonly server: 'frontend' | 'backend' | 'single'
  /** Lower-case A-labels; a request for any other host is refused. */
  readonly domains: readonly string[]
  readonly listen: {
    readonly http: readonly Address[]
    readonly https: readonly Address[]
  }
  readonly tls: TlsConfig
  /** RFC 7638, of the other edge's ACME account: its HTTP-01 challenges are answered here too, whatever our own mode. */
  readonly peerThumbprint: string | null
  readonly hsts: HstsConfig | null
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>
  readonly routes: readonly RouteConfig[]
  /** null: no files are kept, the upstreams answer for their own. */
  readonly assets: AssetsConfig | null
  /** CIDR blocks of the proxies whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[]
  /** null: this edge knows of no other. */
  readonly link: LinkConfig | null
  readonly limits: LimitsConfig
  readonly log: { readonly level: LogLevel }
  readonly control: {
    /** Absolute path of the unix socket. */
    readonly socket: string
    /** Loopback only; `/healthz` and `/metrics`, nothing that changes anything. */
    readonly listen: Address | null
  }
  /** Absolute path: local CA, active slots, control socket. */
  readonly stateFolder: string
  /** How long requests in flight may go on after SIGTERM. */
  readonly graceMs: number
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface Address {
  /** `::` (all, IPv4 and IPv6) when the operator gives only a port; IPv6 without brackets. */
  readonly host: string
  /** 0 lets the kernel choose (tests). */
  readonly port: number
}

export type TlsConfig =
  | { readonly mode: 'local' }
  | { readonly mode: 'files'; readonly certificates: readonly CertificateFiles[] }
  | AcmeConfig

/** Certificates from an authority that speaks ACME (RFC 8555). */
export interface AcmeConfig {
  readonly mode: 'acme'
  /** Where the authority may write to; null: nowhere. */
  readonly email: string | null
  /** URL of the directory. */
  readonly directory: string
  /** Absolute path of the PEM roots that the directory's own certificate is checked against; null: Node's. */
  readonly directoryCa: string | null
  /** As the directory lists it; null: the authority's choice. */
  readonly profile: string | null
  readonly grouping: 'per-domain' | 'together'
  readonly keyType: 'ecdsa' | 'rsa'
  /** In the order in which they are tried. */
  readonly challenges: readonly ChallengeType[]
  readonly eab: EabConfig | null
}

export type ChallengeType = 'http-01' | 'tls-alpn-01'

/** External account binding (RFC 8555 §7.3.4). */
export interface EabConfig {
  readonly kid: string
  /** Absolute path of the file that holds the HMAC key, base64url. */
  readonly keyFile: string
}

/** Strict-Transport-Security (RFC 6797). */
export interface HstsConfig {
  readonly maxAgeMs: number
  readonly subdomains: boolean
  readonly preload: boolean
}

export interface CertificateFiles {
  /** The names that this pair serves; empty: those that the certificate itself names. */
  readonly domains: readonly string[]
  /** Absolute path of the PEM chain, leaf first. */
  readonly cert: string
  /** Absolute path of the PEM private key. */
  readonly key: string
}

/** The connection to the other server's edge. */
export interface LinkConfig {
  readonly listen: readonly Address[]
  readonly peer: HostPort
  /** CIDR blocks that the peer may come from besides the addresses of `peer`. */
  readonly from: readonly string[]
}

export interface HostPort {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

export interface UpstreamConfig {
  readonly name: string
  /**
   * Slot name → origin (`http://127.0.0.1:3001`). An upstream given as one `origin` has the slot `only`; one that is the
   * peer's has the slot `peer` alone, with the origin `peer`.
   */
  readonly slots: ReadonlyMap<string, string>
  /** Whether the peer's upstream of this name serves while the one here does not. */
  readonly hasElse: boolean
  readonly health: HealthConfig | null
  /** An idle connection older than this is not used again; below what the upstream keeps (uvicorn, Next.js: 5 s). */
  readonly keepAliveMs: number
  readonly connectMs: number
  /** Most connections open at once; 0: no limit. */
  readonly connections: number
}

export interface HealthConfig {
  readonly path: string
  /** The status that a healthy upstream answers. */
  readonly status: number
  /** Text that the body must contain; null: any body. */
  readonly body: string | null
  readonly everyMs: number
  readonly timeoutMs: number
  /** Failed probes in a row that make it down; one good probe makes it up. */
  readonly fails: number
}

export interface RouteConfig {
  /** One of `domains`, or null for all of them. */
  readonly host: string | null
  readonly path: string
  readonly upstream: string
  /** True: the upstream is asked not to compress, so that events are not held back. */
  readonly stream: boolean
  /** Longest silence between two bytes, either way. */
  readonly idleMs: number
  readonly bodyLimitBytes: number
  /** The member of each event's JSON that names its stream; null: nothing is learned. It implies `stream`. */
  readonly learn: string | null
  /** Where a request names the stream that it is about, in the order in which they are looked at. */
  readonly owner: readonly KeyPlace[]
}

/** A part of a request: a segment of its path, counted from 1, or what has this name there. */
export type KeyPlace =
  | { readonly part: 'path'; readonly segment: number }
  | { readonly part: 'body' | 'header' | 'cookie' | 'query'; readonly name: string }

/** Files with hashed names, of this build and earlier ones, which the edge serves itself. */
export interface AssetsConfig {
  /** Whose they are: only a route to it leads to them. */
  readonly upstream: string
  /** Ends with a slash. */
  readonly path: string
  /** How long they are kept once another build has taken the place of theirs. */
  readonly keepMs: number
  /** Most bytes on disk; also of one build. */
  readonly bytes: number
}

export interface LimitsConfig {
  /** Client connections open at once. */
  readonly connections: number
  /** The same, per client address (an IPv6 /64 counts as one). */
  readonly connectionsPerAddress: number
  /** HTTP/2 streams open at once on one connection. */
  readonly streams: number
  /** Request line and header fields together. */
  readonly headBytes: number
  /** From the first byte of a request to the end of its head; also for the TLS handshake. */
  readonly headMs: number
  /** Slowest upload that is borne, in bytes per second, measured over ten seconds. */
  readonly bodyBytesPerSecond: number
  /** An idle client connection is closed after this. */
  readonly keepAliveMs: number
  /** A client that takes none of the bytes waiting for it for this long is cut. */
  readonly sendMs: number
  /** Requests per second and client address; 0: no limit. Bursts of ten times as many pass. */
  readonly requestsPerSecond: number
}
