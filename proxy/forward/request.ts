import type { Deadlines, Timed } from '../deadlines.ts'
import { EdgeError, type FailureCode } from '../errors.ts'
import type { BodyReceiver, Exchange, RawHeaders } from '../http/exchange.ts'
import { tellFailure } from '../http/failure-answer.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { ResponseReceiver } from '../upstream/response-reader.ts'
import type { Waiting } from '../upstream/slots/hold.ts'
import type { InFlight, Slot } from '../upstream/slots/slot.ts'
import { failureOf, isRetryable, tooLarge, tooSilent } from './failure.ts'
import { acceptsEvents, isEventStream, type RequestShape, toClient, toUpstream } from './headers.ts'
import type { Destination } from './site.ts'
import { Tunnel } from './upgrade.ts'

/** How a request ended: null, or what went wrong. */
export type OnDone = (forwarding: Forwarding, failure: EdgeError | null) => void

/** One request on its way to an upstream and the answer on its way back. Wiring only; everything ends in `#finish`. */
export class Forwarding implements ResponseReceiver, BodyReceiver, InFlight, Waiting, Timed {
  dueMs = Number.POSITIVE_INFINITY
  readonly exchange: Exchange
  readonly to: Destination
  slot: Slot | null = null
  /** When the answer's head came; null: it never did. */
  answeredMs: number | null = null
  tunnel: Tunnel | null = null
  readonly #deadlines: Deadlines
  readonly #onDone: OnDone
  readonly #shape: RequestShape
  #connection: UpstreamConnection | null = null
  #isDone = false
  #isBodySent = false
  #isUpstreamFull = false
  #isStream = false

  constructor(exchange: Exchange, to: Destination, deadlines: Deadlines, onDone: OnDone) {
    this.exchange = exchange
    this.to = to
    this.#deadlines = deadlines
    this.#onDone = onDone
    const wantsIdentity = to.route.stream || acceptsEvents(exchange.head.headers)
    this.#shape = { isUpgrade: exchange.head.isWebSocketUpgrade, wantsIdentity }
  }

  get kind(): InFlight['kind'] {
    return this.tunnel !== null ? 'webSocket' : this.#isStream ? 'stream' : 'request'
  }

  start(): void {
    const { exchange } = this
    const { route, upstream } = this.to
    this.#deadlines.watch(this)
    exchange.onGone = cause => this.#finish(new EdgeError(cause, 'before the answer was complete'))
    exchange.onDrain = () => this.#onClientDrain()
    if (exchange.head.bodyLength > route.bodyLimitBytes) this.#finish(tooLarge(route.bodyLimitBytes))
    else if (upstream.hold.isOpen) this.proceed()
    else upstream.hold.wait(this)
  }

  proceed(): void {
    try {
      this.slot = this.to.upstream.admit(this)
      this.#send(this.#shape.isUpgrade ? this.slot.pool.takeFresh() : this.slot.pool.take())
      this.exchange.readBody(this)
    } catch (error) {
      this.#finish(failureOf(error))
    }
  }

  takeBody(chunk: Buffer): boolean {
    this.#touch()
    if (this.exchange.bytesIn > this.to.route.bodyLimitBytes) {
      this.#finish(tooLarge(this.to.route.bodyLimitBytes))
      return false
    }
    this.#isUpstreamFull = this.#connection?.write(chunk) === false
    return !this.#isUpstreamFull
  }

  endBody(trailers: RawHeaders): void {
    this.#touch()
    this.#isBodySent = true
    this.#connection?.endRequest(trailers)
  }

  onWritable(): void {
    if (this.tunnel !== null) return this.tunnel.onUpstreamWritable()
    this.#isUpstreamFull = false
    this.exchange.resumeBody()
  }

  onInform(status: number, headers: RawHeaders): void {
    this.#touch()
    this.exchange.inform(status, headers)
  }

  onHead(head: ResponseHead): void {
    this.#touch()
    this.answeredMs = this.#deadlines.nowMs
    const bodyLength = head.framing === 'length' ? head.bodyLength : head.framing === 'none' ? 0 : -1
    if (bodyLength === -1) this.#isStream = isEventStream(head.headers)
    this.exchange.respond(head.status, toClient(head.status, head.headers, this.exchange.id, this.to.hsts), bodyLength)
  }

  onBodyData(chunk: Buffer): void {
    this.#touch()
    if (this.tunnel !== null) return this.tunnel.fromUpstream(chunk)
    if (this.exchange.write(chunk)) return
    // Waiting for the client is not the upstream's silence.
    this.dueMs = Number.POSITIVE_INFINITY
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
    this.tunnel = new Tunnel(client, this.#connection!, {
      onActivity: () => this.#touch(),
      onFinished: failure => this.#finish(failure)
    })
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
    const { method, bodyLength } = this.exchange.head
    if (this.#isDone || !isRetryable(method, bodyLength, isUnanswered)) return this.#finish(error)
    try {
      // A fresh connection: what it answers, or does not, is no keep-alive race.
      this.#send(this.slot!.pool.takeFresh()).endRequest([])
    } catch (failure) {
      this.#finish(failureOf(failure))
    }
  }

  cut(code: FailureCode, detail = 'cut at the end of its time'): void {
    this.#finish(new EdgeError(code, detail))
  }

  dismiss(): void {
    this.tunnel?.dismiss()
  }

  onDue(): void {
    // A WebSocket that is silent for as long as its route allows is over; nobody did wrong.
    if (this.tunnel !== null) return this.#finish(null)
    this.#finish(tooSilent(this.to.route.idleMs, this.answeredMs !== null, this.#isBodySent || this.#isUpstreamFull))
  }

  #send(connection: UpstreamConnection): UpstreamConnection {
    const { head } = this.exchange
    this.#connection = connection
    this.#touch()
    connection.send(toUpstream(head, this.to.provenance, this.#shape), head.method, head.bodyLength === -1, this)
    return connection
  }

  #touch(): void {
    this.dueMs = this.#deadlines.coarseMs + this.to.route.idleMs
  }

  #onClientDrain(): void {
    this.#touch()
    this.#connection?.resume()
  }

  /** The one end of every request: lets go of the slot and the connection, and tells the client what it can still be told. */
  #finish(failure: EdgeError | null): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#deadlines.unwatch(this)
    this.#connection?.destroy()
    this.#connection = null
    if (this.slot !== null) this.slot.release(this)
    else this.to.upstream.hold.forget(this)
    if (this.tunnel !== null) this.tunnel.close()
    else if (failure !== null && !this.exchange.isOver) {
      tellFailure(this.exchange, failure.code, this.answeredMs !== null, this.to.hsts)
    }
    this.#onDone(this, failure)
  }
}
