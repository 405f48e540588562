import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { noteGarbage } from '../../garbage.ts'
import { BodyReader, type BodyReaderTarget } from '../../http/body-reader.ts'
import {
  type BodyReceiver,
  type ClientFailure,
  type Exchange,
  type RawHeaders,
  type RequestHead,
  type UpgradedClient,
  unreadableHead
} from '../../http/exchange.ts'
import { fieldLines, joinParts } from './answer-text.ts'
import type { H1Connection } from './connection.ts'

/** One request and its answer on an HTTP/1.x connection. */
export class H1Exchange implements Exchange, BodyReaderTarget {
  id: string
  head: RequestHead
  readonly beganMs: number
  bytesIn = 0
  bytesOut = 0
  status = 0
  isOver = false
  onGone: (cause: ClientFailure) => void = () => {}
  onDrain: () => void = () => {}
  readonly #connection: H1Connection
  readonly #isHttp10: boolean
  #reader: BodyReader | null = null
  #receiver: BodyReceiver | null = null
  #isBlocked = false
  #isChunked = false
  #parts: (string | Uint8Array)[] = []
  #partsBytes = 0

  constructor(connection: H1Connection, head: RequestHead, isHttp10: boolean, beganMs: number) {
    this.#connection = connection
    this.head = head
    this.#isHttp10 = isHttp10
    this.beganMs = beganMs
    this.id = connection.context.nextId()
    if (head.bodyLength === 0) return
    const framing = head.bodyLength === -1 ? 'chunked' : 'length'
    this.#reader = new BodyReader(framing, Math.max(0, head.bodyLength), this, 'EDGE_BODY_MALFORMED')
  }

  /** Stands for a request whose head could not be read, so that it is answered and recorded like any other. */
  static unreadable(connection: H1Connection, beganMs: number): H1Exchange {
    const exchange = new H1Exchange(connection, unreadableHead, false, beganMs)
    // What follows an unreadable head is unread too: the connection lingers, then closes.
    exchange.#reader = new BodyReader('close', 0, exchange, 'EDGE_BODY_MALFORMED')
    return exchange
  }

  get protocol(): 'HTTP/1.0' | 'HTTP/1.1' {
    return this.#isHttp10 ? 'HTTP/1.0' : 'HTTP/1.1'
  }

  get clientAddress(): string {
    return this.#connection.clientAddress
  }

  get isBodyRead(): boolean {
    return this.#reader === null || this.#reader.isDone
  }

  /** The connection may push body bytes now. */
  get takesBody(): boolean {
    return this.#receiver !== null && !this.#isBlocked && !this.isBodyRead && !this.isOver
  }

  readBody(receiver: BodyReceiver): void {
    if (this.#reader === null) return receiver.endBody([])
    this.#receiver = receiver
    if (this.head.expectsContinue) this.#connection.socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    this.#connection.readOn()
  }

  resumeBody(): void {
    if (!this.#isBlocked) return
    this.#isBlocked = false
    this.#connection.readOn()
  }

  /** @returns how many bytes were this body's */
  pushBody(bytes: Buffer): number {
    return this.#reader!.push(bytes)
  }

  onBodyData(chunk: Buffer): void {
    this.bytesIn += chunk.length
    noteGarbage(chunk.length)
    // Not paused: the connection reads a little further, so as to hear the client leave.
    if (!this.isOver && !this.#receiver!.takeBody(chunk)) this.#isBlocked = true
  }

  onBodyEnd(trailers: RawHeaders): void {
    this.#connection.socket.resume()
    if (!this.isOver) this.#receiver!.endBody(trailers)
  }

  /** The client left or broke a rule before the answer was complete. */
  lose(cause: ClientFailure): void {
    if (this.isOver) return
    this.isOver = cause === 'EDGE_CLIENT_CLOSED' || cause === 'EDGE_CLIENT_STALLED'
    this.onGone(cause)
  }

  inform(status: number, headers: RawHeaders): void {
    if (this.isOver || this.#isHttp10) return
    this.#connection.socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fieldLines(headers)}\r\n`,
      'latin1'
    )
  }

  respond(status: number, headers: RawHeaders, bodyLength: number): void {
    this.status = status
    const hasNoBody = this.head.method === 'HEAD' || status === 204 || status === 304
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fieldLines(headers)}`
    if (bodyLength === -1 && !hasNoBody) {
      this.#isChunked = !this.#isHttp10
      if (this.#isChunked) text += 'transfer-encoding: chunked\r\n'
      else this.#connection.isLast = true
    }
    if (!this.isBodyRead) this.#connection.isLast = true
    if (this.#connection.isLast) text += 'connection: close\r\n'
    this.#push(`${text}\r\n`)
  }

  write(chunk: Uint8Array): boolean {
    if (this.isOver || chunk.length === 0) return true
    this.bytesOut += chunk.length
    if (this.#isChunked) this.#push(`${chunk.length.toString(16)}\r\n`)
    this.#push(chunk)
    if (this.#isChunked) this.#push('\r\n')
    return this.#connection.socket.writableLength + this.#partsBytes <= this.#connection.socket.writableHighWaterMark
  }

  flush(): void {
    const socket = this.#connection.socket
    if (this.#partsBytes === 0 || socket.destroyed) return
    const bytes = joinParts(this.#parts, this.#partsBytes)
    this.#parts = []
    this.#partsBytes = 0
    if (!socket.write(bytes)) this.#connection.patience.onBlocked()
  }

  end(trailers: RawHeaders = []): void {
    if (this.isOver) return
    if (this.#isChunked) this.#push(`0\r\n${fieldLines(trailers)}\r\n`)
    this.flush()
    this.isOver = true
    this.#connection.onAnswered(this)
  }

  abort(): void {
    if (this.isOver) return
    this.isOver = true
    // To an HTTP/1.0 client the end of the connection is the end of the answer: only a reset says that it is not.
    if (this.#isHttp10) tcpBelow(this.#connection.socket).resetAndDestroy()
    this.#connection.destroy()
  }

  upgrade(headers: RawHeaders): UpgradedClient {
    this.status = 101
    this.isOver = true
    const socket = this.#connection.socket
    const head = this.#connection.detach()
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fieldLines(headers)}\r\n`, 'latin1')
    return { socket, head }
  }

  #push(part: string | Uint8Array): void {
    this.#parts.push(part)
    this.#partsBytes += part.length
  }
}

/** A TLSSocket cannot reset: only the TCP socket below it can, and node:tls has no public name for that. */
function tcpBelow(socket: Socket & { _parent?: Socket | null }): Socket {
  return socket._parent ?? socket
}
