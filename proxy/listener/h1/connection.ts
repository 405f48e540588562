import type { Socket } from 'node:net'
import type { Timed } from '../../deadlines.ts'
import { EdgeError, type FailureCode } from '../../errors.ts'
import type { ClientFailure } from '../../http/exchange.ts'
import { parseRequestHead } from '../../http/request-head.ts'
import type { ClientConnection, ListenerContext } from '../context.ts'
import { H1Exchange } from './exchange.ts'

const HEAD_END = '\r\n\r\n'
const LINGER_MS = 5_000
const PIPELINE_BYTES = 65_536
const RATE_WINDOW_MS = 10_000

/** One HTTP/1.x connection of a client: its requests, one after another (RFC 9112 §9). */
export class H1Connection implements Timed, ClientConnection {
  dueMs: number
  readonly socket: Socket
  readonly context: ListenerContext
  readonly clientAddress: string
  readonly #hears: Record<string, (chunk?: Buffer) => void>
  #exchange: H1Exchange | null = null
  #pending: Buffer | null = null
  #beganMs = 0
  #bytesInWindow = 0
  #isLast = false
  #isLingering = false
  #isDetached = false
  #unsentBytes = 0

  constructor(socket: Socket, context: ListenerContext, clientAddress: string) {
    this.socket = socket
    this.context = context
    this.clientAddress = clientAddress
    this.dueMs = context.deadlines.nowMs + context.limits().keepAliveMs
    context.deadlines.watch(this)
    const onGone = (): void => this.#onGone('EDGE_CLIENT_CLOSED')
    this.#hears = {
      data: chunk => this.#onData(chunk!),
      end: onGone,
      error: onGone,
      close: onGone,
      drain: () => this.#onDrain()
    }
    for (const event in this.#hears) socket.on(event, this.#hears[event]!)
  }

  finish(): void {
    this.#isLast = true
    if (this.#exchange === null && this.#pending === null && !this.#isDetached) this.#end()
  }

  destroy(): void {
    this.#onGone('EDGE_CLIENT_CLOSED')
  }

  /** True: the answer that is being sent is the last one on this connection. */
  get isLast(): boolean {
    return this.#isLast || this.context.isStopping()
  }

  closeAfterAnswer(): void {
    this.#isLast = true
  }

  /** The exchange has its receiver, or its receiver wants more. */
  readOn(): void {
    if (this.#exchange !== null) this.#rearm(this.#exchange)
    this.#advance()
    this.socket.resume()
  }

  /** Bytes wait for the client: from now on it has to take some. */
  onBlocked(): void {
    this.#unsentBytes = this.socket.writableLength
    this.#touch(this.context.limits().sendMs)
  }

  /** The answer is complete. */
  onAnswered(exchange: H1Exchange): void {
    if (this.#exchange !== exchange) return
    this.#exchange = null
    if (!exchange.isBodyRead) return this.#linger()
    if (this.isLast) return this.#end()
    this.#touch(this.context.limits().keepAliveMs)
    if (this.#pending === null) return
    // The next request was already here. Not at once: answers that come synchronously would nest.
    setImmediate(() => this.readOn())
  }

  /** The raw socket leaves HTTP; this connection forgets it. @returns what the client had sent already */
  detach(): Buffer {
    const rest = this.#pending ?? Buffer.alloc(0)
    this.#isDetached = true
    this.#pending = null
    this.#exchange = null
    this.context.deadlines.unwatch(this)
    for (const event in this.#hears) this.socket.off(event, this.#hears[event]!)
    return rest
  }

  onDue(nowMs: number): void {
    if (this.socket.writableLength > 0 && !this.#isLingering) return this.#onSlowReader()
    if (this.#exchange !== null) return this.#onSlowBody(this.#exchange, nowMs)
    if (this.#pending === null || this.#isLingering) return this.destroy()
    this.#refuse(new EdgeError('EDGE_HEAD_TIMEOUT', 'the head did not end in time'))
  }

  #onData(chunk: Buffer): void {
    if (this.#isLingering) return
    this.#bytesInWindow += chunk.length
    this.#pending = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk])
    this.#advance()
  }

  #advance(): void {
    while (this.#pending !== null && !this.#isLingering && !this.socket.destroyed) {
      const exchange = this.#exchange
      if (exchange === null) {
        if (!this.#readHead(this.#pending)) return
      } else if (exchange.takesBody) {
        if (!this.#readBody(exchange, this.#pending)) return
      } else {
        // A pipelined request waits for its turn; hearing the client leave needs the socket to be read all the same.
        if (this.#pending.length > PIPELINE_BYTES) this.socket.pause()
        return
      }
    }
  }

  #readHead(bytes: Buffer): boolean {
    // One empty line before the request line is forgiven (RFC 9112 §2.2).
    const from = bytes[0] === 0x0d && bytes[1] === 0x0a ? 2 : 0
    const limits = this.context.limits()
    if (this.#beganMs === 0) this.#beganMs = this.context.deadlines.nowMs
    const end = bytes.indexOf(HEAD_END, from, 'latin1')
    if (end === -1 ? bytes.length > limits.headBytes : end > limits.headBytes) {
      this.#refuse(new EdgeError('EDGE_HEAD_TOO_LARGE', `more than ${limits.headBytes} bytes`))
      return false
    }
    if (end === -1) {
      this.dueMs = this.#beganMs + limits.headMs
      // Without this, a head with bare LFs would be waited for until its deadline.
      const text = bytes.toString('latin1', from)
      if (/(?:^|[^\r])\n|\r[^\n]/.test(text)) this.#refuse(new EdgeError('EDGE_REQUEST_MALFORMED', 'a bare CR or LF'))
      return false
    }
    this.#pending = end + 4 === bytes.length ? null : bytes.subarray(end + 4)
    this.#begin(bytes.toString('latin1', from, end))
    return true
  }

  #begin(text: string): void {
    const beganMs = this.#beganMs
    this.#beganMs = 0
    try {
      const parsed = parseRequestHead(text)
      if (!parsed.keepsAlive) this.#isLast = true
      const exchange = new H1Exchange(this, parsed.head, parsed.isHttp10, beganMs)
      this.#exchange = exchange
      this.dueMs = Number.POSITIVE_INFINITY
      this.context.handler.handle(exchange)
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      this.#refuse(error)
    }
  }

  #readBody(exchange: H1Exchange, bytes: Buffer): boolean {
    try {
      const taken = exchange.pushBody(bytes)
      if (this.#pending === bytes) this.#pending = taken === bytes.length ? null : bytes.subarray(taken)
      if (exchange.isBodyRead && this.socket.writableLength === 0) this.dueMs = Number.POSITIVE_INFINITY
      return exchange.isBodyRead
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      this.#isLast = true
      this.#pending = null
      exchange.lose('EDGE_BODY_MALFORMED')
      return false
    }
  }

  /** Answers what cannot be a request, and closes: where the next one would begin is anybody's guess. */
  #refuse(error: EdgeError): void {
    this.#isLast = true
    this.#pending = null
    const exchange = H1Exchange.unreadable(this, this.#beganMs || this.context.deadlines.nowMs)
    this.#exchange = exchange
    this.context.handler.refuse(exchange, error)
  }

  #onDrain(): void {
    const exchange = this.#exchange
    this.dueMs = Number.POSITIVE_INFINITY
    if (exchange === null) {
      this.#touch(this.#isLingering ? LINGER_MS : this.context.limits().keepAliveMs)
      return
    }
    if (!exchange.isBodyRead) this.#rearm(exchange)
    exchange.onDrain()
  }

  #onSlowReader(): void {
    if (this.socket.writableLength >= this.#unsentBytes) return this.#onGone('EDGE_CLIENT_STALLED')
    this.onBlocked()
  }

  #onSlowBody(exchange: H1Exchange, nowMs: number): void {
    const isTooSlow = this.#bytesInWindow < (this.context.limits().bodyBytesPerSecond * RATE_WINDOW_MS) / 1000
    // While the upstream takes nothing, the client is not the slow one.
    if (isTooSlow && exchange.takesBody) {
      this.#isLast = true
      exchange.lose('EDGE_BODY_TOO_SLOW')
    } else if (exchange.isBodyRead) {
      this.dueMs = Number.POSITIVE_INFINITY
    } else {
      this.#bytesInWindow = 0
      this.dueMs = nowMs + RATE_WINDOW_MS
    }
  }

  #rearm(exchange: H1Exchange): void {
    this.#bytesInWindow = 0
    if (!exchange.isBodyRead) this.#touch(RATE_WINDOW_MS)
  }

  /** Lets the client read an answer that came before its body ended: a close with unread bytes would reset it away. */
  #linger(): void {
    this.#isLingering = true
    this.#pending = null
    this.socket.end()
    this.socket.resume()
    this.#touch(LINGER_MS)
  }

  #end(): void {
    this.socket.end()
    this.#isLingering = true
    this.#touch(LINGER_MS)
  }

  #touch(inMs: number): void {
    this.dueMs = this.context.deadlines.nowMs + inMs
  }

  #onGone(cause: ClientFailure & FailureCode): void {
    this.context.deadlines.unwatch(this)
    const exchange = this.#exchange
    this.#exchange = null
    this.socket.destroy()
    exchange?.lose(cause)
  }
}
