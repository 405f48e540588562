import type { Socket } from 'node:net'
import { EdgeError } from '../../errors.ts'
import type { ClientFailure } from '../../http/exchange.ts'
import { parseRequestHead } from '../../http/request-head.ts'
import type { ClientConnection, ListenerContext } from '../context.ts'
import { type Late, Patience } from '../patience.ts'
import { H1Exchange } from './exchange.ts'
import { HeadScanner } from './head-scanner.ts'

const LINGER_MS = 5_000
const PIPELINE_BYTES = 65_536

/** One HTTP/1.x connection of a client: its requests, one after another (RFC 9112 §9). */
export class H1Connection implements ClientConnection {
  readonly socket: Socket
  readonly context: ListenerContext
  readonly clientAddress: string
  readonly patience: Patience
  /** The answer that is being sent, or comes next, is the last one on this connection. */
  isLast = false
  readonly #hears: Record<string, (chunk?: Buffer) => void>
  readonly #scanner = new HeadScanner()
  #exchange: H1Exchange | null = null
  #pending: Buffer | null = null
  #beganMs = 0
  #isLingering = false
  #isDetached = false

  constructor(socket: Socket, context: ListenerContext, clientAddress: string) {
    this.socket = socket
    this.context = context
    this.clientAddress = clientAddress
    this.patience = new Patience(socket, context, late => this.#onLate(late))
    this.patience.watch()
    this.#awaitRequest()
    const onGone = (): void => this.#onGone('EDGE_CLIENT_CLOSED')
    const onData = (chunk?: Buffer): void => this.#onData(chunk!)
    this.#hears = { data: onData, end: onGone, error: onGone, close: onGone, drain: () => this.#onDrain() }
    for (const event in this.#hears) socket.on(event, this.#hears[event]!)
  }

  finish(): void {
    this.isLast = true
    if (this.#exchange === null && this.#pending === null && !this.#isDetached) this.#linger()
  }

  destroy(): void {
    this.#onGone('EDGE_CLIENT_CLOSED')
  }

  /** The exchange has its receiver, or its receiver wants more. */
  readOn(): void {
    if (this.#exchange?.takesBody) this.patience.awaitsBody()
    this.socket.resume()
    this.#advance()
  }

  /** The answer is complete. */
  onAnswered(exchange: H1Exchange): void {
    if (this.#exchange !== exchange) return
    this.#exchange = null
    if (!exchange.isBodyRead || this.isLast) return this.#linger()
    this.#awaitRequest()
    // The next request was already here. Not at once: answers that come synchronously would nest.
    if (this.#pending !== null) setImmediate(() => this.readOn())
  }

  /** The raw socket leaves HTTP; this connection forgets it. @returns what the client had sent already */
  detach(): Buffer {
    const rest = this.#pending ?? Buffer.alloc(0)
    this.#isDetached = true
    this.#pending = null
    this.#exchange = null
    this.patience.unwatch()
    for (const event in this.#hears) this.socket.off(event, this.#hears[event]!)
    return rest
  }

  #onData(chunk: Buffer): void {
    if (this.#isLingering) return
    this.#pending = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk])
    this.#advance()
  }

  #advance(): void {
    while (this.#pending !== null && !this.#isLingering && !this.socket.destroyed) {
      const exchange = this.#exchange
      if (exchange === null) {
        // Earlier answers wait for the client: were the next one made, who never reads would fill the memory.
        if (this.socket.writableNeedDrain) return void this.socket.pause()
        if (!this.#readHead(this.#pending)) return
      } else if (exchange.takesBody) {
        if (!this.#readBody(exchange, this.#pending)) return
      } else {
        // A pipelined request or more of a body waits its turn; only a socket that is read tells of a client that leaves.
        if (this.#pending.length > PIPELINE_BYTES) this.socket.pause()
        return
      }
    }
  }

  #readHead(bytes: Buffer): boolean {
    const limits = this.context.limits()
    if (this.#beganMs === 0) this.#beganMs = this.context.deadlines.nowMs
    try {
      const head = this.#scanner.scan(bytes, limits.headBytes)
      if (head === null) {
        this.patience.awaits('head', this.#beganMs + limits.headMs)
        return false
      }
      this.#pending = head.end === bytes.length ? null : bytes.subarray(head.end)
      this.#begin(head.text)
      return true
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      this.#refuse(error)
      return false
    }
  }

  #begin(text: string): void {
    this.patience.awaitsNothing()
    const parsed = parseRequestHead(text)
    if (!parsed.keepsAlive) this.isLast = true
    const exchange = new H1Exchange(this, parsed.head, parsed.isHttp10, this.#beganMs)
    this.#exchange = exchange
    this.#beganMs = 0
    this.context.handler.handle(exchange)
  }

  #readBody(exchange: H1Exchange, bytes: Buffer): boolean {
    try {
      const taken = exchange.pushBody(bytes)
      this.patience.countBody(taken)
      if (this.#pending === bytes) this.#pending = taken === bytes.length ? null : bytes.subarray(taken)
      if (!exchange.takesBody) this.patience.awaitsNothing()
      return exchange.isBodyRead
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      this.#lose(exchange, 'EDGE_BODY_MALFORMED')
      return false
    }
  }

  /** Answers what cannot be a request, and closes: where the next one would begin is anybody's guess. */
  #refuse(error: EdgeError): void {
    this.isLast = true
    this.#pending = null
    this.#exchange = H1Exchange.unreadable(this, this.#beganMs)
    this.context.handler.refuse(this.#exchange, error)
  }

  #onDrain(): void {
    this.patience.onDrained()
    if (this.#exchange !== null) this.#exchange.onDrain()
    else if (this.#pending !== null) this.readOn()
  }

  #onLate(late: Late): void {
    if (late === 'reader') this.#onGone('EDGE_CLIENT_STALLED')
    else if (late === 'head') this.#refuse(new EdgeError('EDGE_HEAD_TIMEOUT', 'the head did not end in time'))
    else if (late === 'body') this.#lose(this.#exchange!, 'EDGE_BODY_TOO_SLOW')
    else if (late === 'request' && this.socket.writableLength > 0) this.#awaitRequest()
    else this.destroy()
  }

  #lose(exchange: H1Exchange, cause: ClientFailure): void {
    this.isLast = true
    this.#pending = null
    exchange.lose(cause)
  }

  #awaitRequest(): void {
    this.patience.awaits('request', this.context.deadlines.nowMs + this.context.limits().keepAliveMs)
  }

  /** Closes our half and waits for the client's: a close with unread bytes would reset the answer away. */
  #linger(): void {
    if (this.#isLingering) return
    this.#isLingering = true
    this.#pending = null
    this.patience.awaitsNothing()
    // The last bytes of the answer may still wait for the client: that is for send-timeout to end, not for the linger.
    this.patience.onBlocked()
    this.socket.end(() => {
      this.patience.onDrained()
      this.patience.awaits('close', this.context.deadlines.nowMs + LINGER_MS)
    })
    this.socket.resume()
  }

  #onGone(cause: ClientFailure): void {
    this.patience.unwatch()
    const exchange = this.#exchange
    this.#exchange = null
    this.socket.destroy()
    exchange?.lose(cause)
  }
}
