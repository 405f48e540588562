/** Whose doing a failure is: decides the level of its log line. */
export type Side = 'client' | 'upstream' | 'edge' | 'operator'

/** One row per failure: `status` for the client (0: it gets no answer), `side` for the log, `next` for the operator. */
export const failures = {
  EDGE_REQUEST_MALFORMED: { status: 400, side: 'client', next: 'nothing to do: the request breaks RFC 9110 or 9112' },
  EDGE_PLAIN_HTTP: { status: 400, side: 'client', next: 'use https:// for this port' },
  EDGE_HOST_UNKNOWN: { status: 421, side: 'client', next: 'if the name is yours, add it to domains' },
  EDGE_ROUTE_NOT_FOUND: { status: 404, side: 'client', next: 'if the path is yours, add a route for it' },
  EDGE_METHOD_REFUSED: { status: 405, side: 'client', next: 'nothing to do: CONNECT and TRACE are not proxied' },
  EDGE_HEAD_TIMEOUT: { status: 408, side: 'client', next: 'nothing to do, or raise limits.head-timeout' },
  EDGE_BODY_TOO_SLOW: { status: 408, side: 'client', next: 'nothing to do, or lower limits.body-rate' },
  EDGE_BODY_TOO_LARGE: { status: 413, side: 'client', next: 'raise body on this route if it should pass' },
  EDGE_BODY_MALFORMED: { status: 400, side: 'client', next: 'nothing to do: the body breaks its own framing' },
  EDGE_RATE_LIMITED: { status: 429, side: 'client', next: 'raise limits.requests-per-second if this is a real user' },
  EDGE_HEAD_TOO_LARGE: { status: 431, side: 'client', next: 'raise limits.head if this is a real user' },
  EDGE_CLIENT_CLOSED: { status: 499, side: 'client', next: 'nothing to do: the client went away' },
  EDGE_CLIENT_STALLED: { status: 499, side: 'client', next: 'nothing to do, or raise limits.send-timeout' },
  EDGE_TRANSFER_CODING: { status: 501, side: 'client', next: 'nothing to do: chunked is the only transfer coding' },
  EDGE_VERSION_REFUSED: { status: 505, side: 'client', next: 'nothing to do: HTTP/1.0, 1.1 and 2 are spoken' },
  EDGE_INTERNAL: { status: 500, side: 'edge', next: 'report this line: it is a bug in the edge' },
  EDGE_STOPPING: { status: 503, side: 'edge', next: 'retry: the edge is stopping' },
  EDGE_HELD_TOO_LONG: { status: 503, side: 'edge', next: 'twinedge slots resume UPSTREAM, or finish the swap' },
  EDGE_MAINTENANCE: { status: 503, side: 'edge', next: 'twinedge slots resume UPSTREAM ends the maintenance' },
  EDGE_SLOT_DRAINED: { status: 503, side: 'edge', next: 'nothing to do: its slot was drained, and its time was over' },
  EDGE_UPSTREAM_REFUSED: { status: 502, side: 'upstream', next: 'start the upstream: nothing listens there' },
  EDGE_UPSTREAM_UNREACHABLE: {
    status: 502,
    side: 'upstream',
    next: 'check the route and the firewall to the upstream'
  },
  EDGE_UPSTREAM_CLOSED: { status: 502, side: 'upstream', next: 'read the upstream log: it closed before it answered' },
  EDGE_UPSTREAM_MALFORMED: { status: 502, side: 'upstream', next: 'read the upstream log: its answer is not HTTP' },
  EDGE_UPSTREAM_TLS: { status: 502, side: 'upstream', next: 'check the certificate of the upstream' },
  EDGE_UPSTREAM_TRUNCATED: { status: 502, side: 'upstream', next: 'read the upstream log: it died while it answered' },
  EDGE_UPSTREAM_DOWN: { status: 503, side: 'upstream', next: 'twinedge status shows what its last probe saw' },
  EDGE_UPSTREAM_BUSY: {
    status: 503,
    side: 'upstream',
    next: 'raise connections on this upstream, or find what is slow'
  },
  EDGE_UPSTREAM_CONNECT_TIMEOUT: {
    status: 504,
    side: 'upstream',
    next: 'check the route and the firewall to the upstream'
  },
  EDGE_UPSTREAM_TIMEOUT: { status: 504, side: 'upstream', next: 'raise idle on this route, or find what is slow' },
  EDGE_UPSTREAM_STALLED: { status: 504, side: 'upstream', next: 'raise idle on this route, or find what is slow' },
  EDGE_PORT_TAKEN: {
    status: 0,
    side: 'operator',
    next: 'stop what listens there (ss -ltnp), or change listen (EDGE_LISTEN_HTTPS=PORT)'
  },
  EDGE_PORT_FORBIDDEN: {
    status: 0,
    side: 'operator',
    next: 'use a port above 1023, or setcap cap_net_bind_service=+ep on node'
  },
  EDGE_ADDRESS_MISSING: { status: 0, side: 'operator', next: 'use an address of this machine (ip addr) in listen' },
  EDGE_STATE_UNWRITABLE: {
    status: 0,
    side: 'operator',
    next: 'give this user the folder, or set state to another one'
  },
  EDGE_ALREADY_RUNNING: { status: 0, side: 'operator', next: 'stop the other one, or give this one its own state' },
  EDGE_NOT_RUNNING: { status: 0, side: 'operator', next: 'start it: twinedge run, or docker compose up -d edge' },
  EDGE_SLOT_UNHEALTHY: {
    status: 0,
    side: 'operator',
    next: 'read what its container said: docker compose logs SERVICE'
  },
  EDGE_SLOT_ACTIVE: { status: 0, side: 'operator', next: 'promote the other slot first: twinedge status' },
  EDGE_ASSETS_OFF: { status: 0, side: 'operator', next: 'set assets.upstream, then: twinedge reload' },
  EDGE_ASSETS_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'mend the build, or raise assets.size: nothing of it was kept, what was kept before is served'
  },
  EDGE_USAGE: { status: 0, side: 'operator', next: 'twinedge --help' },
  CONFIG_MISSING: { status: 0, side: 'operator', next: 'twinedge run --config FILE; examples are in docs/examples' },
  CONFIG_INVALID: { status: 0, side: 'operator', next: 'mend the lines above, then: twinedge check FILE' },
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
  COMPOSE_ENV_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'mend these in .env (docs/examples explains them all), then: docker compose up -d'
  },
  COMPOSE_NO_STACK: {
    status: 0,
    side: 'operator',
    next: 'docker compose up -d; or name another stack: --project NAME'
  },
  COMPOSE_HOST_ONLY: { status: 0, side: 'operator', next: 'run it on the server itself, outside its containers' },
  COMPOSE_ENGINE_UNREACHABLE: {
    status: 0,
    side: 'operator',
    next: 'start Docker (systemctl start docker), as a user who may use it; then the same command again'
  },
  COMPOSE_REFUSED: { status: 0, side: 'operator', next: 'mend what it says, then the same command again' },
  COMPOSE_LOCKED: { status: 0, side: 'operator', next: 'wait for it to end, or take it over: --break-lock WHO' },
  COMPOSE_IMAGE_MISSING: {
    status: 0,
    side: 'operator',
    next: 'build it or load it here (docker load), or check its name and docker login'
  },
  COMPOSE_MEMORY_SHORT: {
    status: 0,
    side: 'operator',
    next: 'free some memory; or let requests wait while one slot stops and the other starts: --hold'
  },
  COMPOSE_CANDIDATE_FAILED: {
    status: 0,
    side: 'operator',
    next: 'mend the image and swap again: it was removed, and what served goes on serving'
  },
  COMPOSE_NO_RELEASE: { status: 0, side: 'operator', next: 'twinedge history; or swap to an image' },
  COMPOSE_INTERRUPTED: { status: 0, side: 'operator', next: 'nothing to do: what had been begun was undone' },
  COMPOSE_UNFINISHED: {
    status: 0,
    side: 'operator',
    next: 'mend what it says, then: twinedge slots settle; it finishes this one or undoes it, as does the next swap or rollback'
  },
  EDGE_DISK_FULL: {
    status: 0,
    side: 'operator',
    next: 'free some space (df -h); what the edge does by itself it tries again'
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
    next: 'point DNS here, or set tls.peer-thumbprint on the server that it points at; then: twinedge certs renew'
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
} as const satisfies Record<string, { status: number; side: Side; next: string }>

export type FailureCode = keyof typeof failures

/** Every failure that the edge knows. `detail` is for the log and the operator: a client sees code and request id only. */
export class EdgeError extends Error {
  readonly code: FailureCode
  readonly detail: string

  constructor(code: FailureCode, detail: string, cause?: unknown) {
    super(`${code}: ${detail}`, cause === undefined ? undefined : { cause })
    this.name = 'EdgeError'
    this.code = code
    this.detail = detail
  }

  get status(): number {
    return failures[this.code].status
  }

  get side(): Side {
    return failures[this.code].side
  }

  get next(): string {
    return failures[this.code].next
  }
}
