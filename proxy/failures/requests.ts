import type { FailureRow } from './row.ts'

/** What a client may see: `status` is what it gets. */
export const requestFailures = {
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
  EDGE_UPSTREAM_STALLED: { status: 504, side: 'upstream', next: 'raise idle on this route, or find what is slow' }
} as const satisfies Record<string, FailureRow>
