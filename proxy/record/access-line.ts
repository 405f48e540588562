import type { LogLevel, RouteConfig } from '../config/config.ts'
import { type FailureCode, failures, type Side } from '../errors.ts'
import type { Log } from './log.ts'
import { redactTarget } from './redaction.ts'

/** All that is known of one request when it is over; feeds the log and the metrics. */
export interface AccessEntry {
  readonly id: string
  readonly client: string
  readonly method: string
  readonly host: string
  /** Path and query as the client sent them: redacted on the way into the log, never before. */
  readonly path: string
  readonly protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2'
  readonly route: RouteConfig | null
  readonly upstream: string | null
  readonly slot: string | null
  readonly status: number
  /** Who ended it: `complete` when the answer went out whole. */
  readonly ended: 'complete' | 'client' | 'upstream' | 'edge'
  /** Bytes of the body from the client. */
  readonly in: number
  /** Bytes of the body to the client. */
  readonly out: number
  /** Milliseconds from the request's first byte to the answer's first; null: there was no answer. */
  readonly ttfb: number | null
  /** Milliseconds from the request's first byte to its end. */
  readonly total: number
  readonly code: FailureCode | null
  /** For the operator; may name internal addresses. */
  readonly detail: string | null
}

/** A stranger's mistake is no alarm; ours is. */
const levels: Record<Side, LogLevel> = { client: 'info', upstream: 'warn', edge: 'error', operator: 'error' }

/** @returns what writes the one line of each request */
export function createAccessLog(log: Log): (entry: AccessEntry) => void {
  return entry => {
    const level = accessLevel(entry)
    if (log.isEnabled(level)) log.line(level, accessLine(entry))
  }
}

export function accessLevel({ code, ended }: AccessEntry): LogLevel {
  if (code !== null) return levels[failures[code].side]
  return ended === 'complete' ? 'info' : levels[ended]
}

/** Undefined fields are left out of the line. */
export function accessLine(entry: AccessEntry) {
  return {
    id: entry.id,
    client: entry.client,
    method: entry.method,
    host: entry.host,
    path: redactTarget(entry.path),
    protocol: entry.protocol,
    route: entry.route === null ? undefined : routeLabel(entry.route),
    upstream: entry.upstream ?? undefined,
    slot: entry.slot ?? undefined,
    status: entry.status,
    ended: entry.ended,
    in: entry.in,
    out: entry.out,
    ttfb: entry.ttfb === null ? undefined : tenths(entry.ttfb),
    total: tenths(entry.total),
    code: entry.code ?? undefined,
    detail: entry.detail ?? undefined,
    next: entry.code === null ? undefined : failures[entry.code].next
  }
}

/** A route as the operator knows it: `/api/`, or `example.com/api/` where the host matters. */
export function routeLabel({ host, path }: RouteConfig): string {
  return host === null ? path : host + path
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
