import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Timed } from '../../deadlines.ts'
import { EdgeError } from '../../errors.ts'
import { unreadableHead } from '../../http/exchange.ts'
import type { ClientConnection, ListenerContext } from '../context.ts'
import { H2Exchange } from './exchange.ts'
import { readH2Head } from './head.ts'

/** Uploads that wait for a slow upstream must not take the window from the other streams (RFC 9113 §5.2). */
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024
/** Streams that may end by a reset within the window below before the connection is one that abuses them. */
const MOST_RESETS = 200
const RESET_WINDOW_MS = 10_000
const CLOSE_MS = 5_000

/** Settings of a session (RFC 9113 §6.5.2) and the limits that node:http2 enforces by itself. */
export function h2Options(streams: number, headBytes: number): Parameters<typeof import('node:http2').createServer>[0] {
  return {
    maxSessionMemory: 32,
    maxSessionRejectedStreams: 100,
    maxSessionInvalidFrames: 100,
    maxHeaderListPairs: 256,
    // An upstream's two ETag fields are its own affair: without this, the answer would throw instead of going out.
    strictSingleValueFields: false,
    settings: {
      maxConcurrentStreams: streams,
      initialWindowSize: 256 * 1024,
      maxHeaderListSize: headBytes,
      enablePush: false
    }
  }
}

/** One HTTP/2 connection of a client. */
export class H2Connection implements Timed, ClientConnection {
  dueMs: number
  readonly #session: ServerHttp2Session
  readonly context: ListenerContext
  readonly clientAddress: string
  #streams = 0
  #resets = 0
  #resetsSinceMs = 0

  constructor(session: ServerHttp2Session, clientAddress: string, context: ListenerContext) {
    this.#session = session
    this.clientAddress = clientAddress
    this.context = context
    this.dueMs = context.deadlines.nowMs + context.limits().headMs
    context.deadlines.watch(this)
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
    // Whatever went wrong, 'close' follows; without a listener it would end the process.
    session.on('error', () => {})
    session.on('close', () => context.deadlines.unwatch(this))
    session.on('stream', (stream, _headers, _flags, raw) => this.#onStream(stream, raw as unknown as string[]))
  }

  finish(): void {
    if (!this.#session.closed) this.#session.close()
  }

  destroy(): void {
    this.#session.destroy()
  }

  onDue(nowMs: number): void {
    if (this.#streams > 0) this.dueMs = Number.POSITIVE_INFINITY
    else if (this.#session.closed) this.destroy()
    else {
      // A client that does not hear GOAWAY is not waited for.
      this.dueMs = nowMs + CLOSE_MS
      this.finish()
    }
  }

  #onStream(stream: ServerHttp2Stream, raw: readonly string[]): void {
    this.#streams++
    this.dueMs = Number.POSITIVE_INFINITY
    let head = unreadableHead
    let refusal: EdgeError | null = null
    try {
      head = readH2Head(raw, !stream.endAfterHeaders, this.context.limits().headBytes)
    } catch (error) {
      refusal = error instanceof EdgeError ? error : new EdgeError('EDGE_INTERNAL', String(error), error)
    }
    const exchange = new H2Exchange(stream, head, this)
    if (refusal === null) this.context.handler.handle(exchange)
    else this.context.handler.refuse(exchange, refusal)
  }

  /** Rapid reset, and its mirror in which the client makes us reset (CVE-2023-44487, CVE-2025-8671). */
  onStreamClosed(code: number | undefined): void {
    this.#streams--
    const now = this.context.deadlines.nowMs
    if (this.#streams === 0) this.dueMs = now + this.context.limits().keepAliveMs
    if (code === undefined || code === constants.NGHTTP2_NO_ERROR || this.context.isTrusted(this.clientAddress)) return
    if (now - this.#resetsSinceMs > RESET_WINDOW_MS) {
      this.#resetsSinceMs = now
      this.#resets = 0
    }
    if (++this.#resets > MOST_RESETS && !this.#session.destroyed) {
      this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM)
      this.#session.destroy()
    }
  }
}
