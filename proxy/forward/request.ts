import type { Deadlines, Timed } from '../deadlines.ts'
import { EdgeError, type FailureCode } from '../errors.ts'
import type { BodyReceiver, Exchange, RawHeaders } from '../http/exchange.ts'
import { tellFailure } from '../http/failure-answer.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { ResponseReceiver } from '../upstream/response-reader.ts'
import type { InFlight, Slot } from '../upstream/slots/slot.ts'
import { failureOf, isRefused, isRetryable, tooLarge, tooSilent } from './failure.ts'
import { isEventStream, type RequestShape, shapeOf, toClient, toUpstream } from './headers.ts'
import { type OwnerSearch, type Searching, searchOwner } from './owner/owner-search.ts'
import { claimOf, type StreamClaim } from './owner/stream-claim.ts'
import type { Destination } from './site.ts'
import { Tunnel } from './upgrade.ts'

export type OnDone = (forwarding: Forwarding, failure: EdgeError | null) => void

/** One request on its way to an upstream and the answer on its way back. Wiring only; everything ends in `#finish`. */
export class Forwarding implements ResponseReceiver, BodyReceiver, Searching, Timed {
  dueMs = Number.POSITIVE_INFINITY
  readonly exchange: Exchange
  readonly to: Destination
  kind: InFlight['kind'] = 'request'
  slot: Slot | null = null
  search: OwnerSearch | null = null
  /** When the answer's head came; null: it never did. */
  answeredMs: number | null = null
  tunnel: Tunnel | null = null
  readonly #deadlines: Deadlines
  readonly #onDone: OnDone
  readonly #shape: RequestShape
  #connection: UpstreamConnection | null = null
  #claim: StreamClaim | null = null
  #isDone = false
  #isBodySent = false
  #isUpstreamFull = false
  #isRetry = false
  #refusedBy: Slot | null = null

  constructor(exchange: Exchange, to: Destination, deadlines: Deadlines, onDone: OnDone) {
    this.exchange = exchange
    this.to = to
    this.#deadlines = deadlines
    this.#onDone = onDone
    this.#shape = shapeOf(exchange.head, to.route)
  }

  start(): void {
    const { exchange, to } = this
    this.#deadlines.watch(this)
    exchange.onGone = cause => this.#finish(new EdgeError(cause, 'before the answer was complete'))
    exchange.onDrain = () => {
      this.touch()
      this.#connection?.resume()
    }
    if (exchange.head.bodyLength > to.route.bodyLimitBytes) this.#finish(tooLarge(to.route.bodyLimitBytes))
    else to.upstream.hold.enter(this)
  }

  proceed(): void {
    if (searchOwner(this)) this.dispatch()
  }

  /** Sends it where it belongs, for the first time or once more. */
  dispatch(): void {
    const { head } = this.exchange
    try {
      const owner = this.search?.owner ?? null
      this.slot?.release(this)
      this.slot = this.to.upstream.admit(this, { owner, isFromPeer: this.to.isFromPeer, refusedBy: this.#refusedBy })
      // An owner may be gone: until a fresh connection stands it gets no body, and what fails was not sent.
      const isFresh = this.#shape.isUpgrade || this.#isRetry || owner !== null
      this.#connection = isFresh ? this.slot.pool.takeFresh() : this.slot.pool.take()
      this.touch()
      const text = toUpstream(head, this.to.provenance, this.#shape, this.slot.fields + this.to.mark)
      this.#connection.send(text, head.method, head.bodyLength === -1, this)
      ;(this.search ?? this.exchange).readBody(this)
    } catch (error) {
      this.#finish(failureOf(error))
    }
  }

  takeBody(chunk: Buffer): boolean {
    this.touch()
    if (this.exchange.bytesIn > this.to.route.bodyLimitBytes) {
      this.#finish(tooLarge(this.to.route.bodyLimitBytes))
      return false
    }
    this.#isUpstreamFull = this.#connection?.write(chunk) === false
    return !this.#isUpstreamFull
  }

  endBody(trailers: RawHeaders): void {
    this.touch()
    this.#isBodySent = true
    this.#connection?.endRequest(trailers)
  }

  onWritable(): void {
    if (this.tunnel !== null) return this.tunnel.onUpstreamWritable()
    this.#isUpstreamFull = false
    ;(this.search ?? this.exchange).resumeBody()
  }

  onInform(status: number, headers: RawHeaders): void {
    this.touch()
    this.exchange.inform(status, headers)
  }

  onHead(head: ResponseHead): void {
    this.touch()
    this.answeredMs = this.#deadlines.nowMs
    if (head.status < 500) this.slot!.answers++
    const bodyLength = head.framing === 'length' ? head.bodyLength : head.framing === 'none' ? 0 : -1
    if (bodyLength === -1 && isEventStream(head.headers)) {
      this.kind = 'stream'
      this.#claim = claimOf(this.to.route, head.headers, this.slot!)
    }
    this.exchange.respond(head.status, toClient(head.status, head.headers, this.exchange.id, this.to.hsts), bodyLength)
  }

  onBodyData(chunk: Buffer): void {
    this.touch()
    if (this.tunnel !== null) return this.tunnel.fromUpstream(chunk)
    this.#claim?.read(chunk)
    if (this.exchange.write(chunk)) return
    this.dueMs = Number.POSITIVE_INFINITY // waiting for the client is not the upstream's silence
    this.#connection?.pause()
  }

  onBodyEnd(trailers: RawHeaders): void {
    this.#connection = null
    this.exchange.end(trailers)
    this.#finish(null)
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    if (!this.#shape.isUpgrade) return this.#finish(new EdgeError('EDGE_UPSTREAM_MALFORMED', '101 to a plain request'))
    this.answeredMs = this.#deadlines.nowMs
    const client = this.exchange.upgrade(toClient(head.status, head.headers, this.exchange.id, this.to.hsts))
    const owner = { onActivity: () => this.touch(), onFinished: (failure: EdgeError | null) => this.#finish(failure) }
    this.tunnel = new Tunnel(client, this.#connection!, owner)
    this.kind = 'webSocket'
    this.tunnel.start(rest)
  }

  onReadEnd(): void {
    try {
      if (!this.#isDone) this.exchange.flush()
    } catch (error) {
      this.#finish(failureOf(error))
    }
  }

  onFailure(error: EdgeError, isUnanswered: boolean): void {
    this.#connection = null
    if (this.tunnel !== null) return this.tunnel.onUpstreamClosed()
    const { head } = this.exchange
    // Once each: the other server is the last resort, and a line to it may always have been lost unnoticed.
    const isAgain = this.search?.giveUp() === true || (!this.#isRetry && isRetryable(head, isUnanswered))
    const isElsewhere = this.#refusedBy === null && this.to.upstream.hasElse && isRefused(error, head)
    if (isElsewhere) this.#refusedBy = this.slot
    this.#isRetry = isAgain || isElsewhere
    return this.#isRetry && !this.#isDone ? this.dispatch() : this.#finish(error)
  }

  cut(code: FailureCode, detail = 'cut at the end of its time'): void {
    this.#finish(new EdgeError(code, detail))
  }

  dismiss(): void {
    this.tunnel?.dismiss()
  }

  onDue(): void {
    if (this.tunnel !== null) return this.#finish(null) // silent for as long as its route allows: nobody did wrong
    this.#finish(tooSilent(this.to.route.idleMs, this.answeredMs !== null, this.#isBodySent || this.#isUpstreamFull))
  }

  touch(): void {
    this.dueMs = this.#deadlines.coarseMs + this.to.route.idleMs
  }

  /** The one end of every request: lets go of the slot and the connection, and tells the client what it can still be told. */
  #finish(failure: EdgeError | null): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#deadlines.unwatch(this)
    this.#connection?.destroy()
    this.#connection = null
    this.#claim?.end(failure === null)
    if (this.slot !== null) this.slot.release(this)
    else this.to.upstream.hold.forget(this)
    if (this.tunnel !== null) this.tunnel.close()
    else if (failure !== null && !this.exchange.isOver) {
      tellFailure(this.exchange, failure.code, this.answeredMs !== null, this.to.hsts)
    }
    this.#onDone(this, failure)
  }
}
