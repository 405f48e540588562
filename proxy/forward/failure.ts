import { EdgeError, type FailureCode } from '../errors.ts'
import type { RequestHead } from '../http/exchange.ts'

/** Methods that may be sent again: doing them twice is doing them once (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

const NEVER_SENT = new Set<FailureCode>([
  'EDGE_UPSTREAM_REFUSED',
  'EDGE_UPSTREAM_UNREACHABLE',
  'EDGE_UPSTREAM_CONNECT_TIMEOUT'
])

type Sent = Pick<RequestHead, 'method' | 'bodyLength'>

/** Any thrown thing as a failure with a code. */
export function failureOf(cause: unknown): EdgeError {
  if (cause instanceof EdgeError) return cause
  return new EdgeError('EDGE_INTERNAL', cause instanceof Error ? (cause.stack ?? cause.message) : String(cause), cause)
}

/** @param limitBytes of the route */
export function tooLarge(limitBytes: number): EdgeError {
  return new EdgeError('EDGE_BODY_TOO_LARGE', `more than ${limitBytes} bytes`)
}

/** @param isForUpstream it had all of the request, or would not take more of it */
export function tooSilent(idleMs: number, isAnswered: boolean, isForUpstream: boolean): EdgeError {
  // Else more of the body was due, and the upstream would have taken it: the client is the late one.
  const code = isForUpstream ? 'EDGE_UPSTREAM_TIMEOUT' : 'EDGE_BODY_TOO_SLOW'
  return new EdgeError(isAnswered ? 'EDGE_UPSTREAM_STALLED' : code, `nothing for ${idleMs / 1000} s`)
}

/** True when the request may go out once more: nothing was answered, nothing of a body is lost, and twice does no harm. */
export function isRetryable({ method, bodyLength }: Sent, isUnanswered: boolean): boolean {
  return isUnanswered && bodyLength === 0 && IDEMPOTENT.has(method)
}

/** True when not a byte of the request was sent, and nothing of its body is lost: it may go anywhere else. */
export function isRefused({ code }: EdgeError, { bodyLength }: Sent): boolean {
  return bodyLength === 0 && NEVER_SENT.has(code)
}

/** Whose doing the end of a request was, for its line in the log. */
export function enderOf(code: FailureCode, side: EdgeError['side']): 'client' | 'upstream' | 'edge' {
  if (code === 'EDGE_CLIENT_CLOSED' || code === 'EDGE_CLIENT_STALLED') return 'client'
  return side === 'upstream' ? 'upstream' : 'edge'
}
