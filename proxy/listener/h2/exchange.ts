import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Timed } from '../../deadlines.ts'
import { EdgeError } from '../../errors.ts'
import type {
  BodyReceiver,
  ClientFailure,
  Exchange,
  RawHeaders,
  RequestHead,
  UpgradedClient
} from '../../http/exchange.ts'
import { allowedTrailers } from '../../http/fields.ts'
import type { ListenerContext } from '../context.ts'

const RATE_WINDOW_MS = 10_000

/** One request and its answer on an HTTP/2 stream. */
export class H2Exchange implements Exchange, Timed {
  readonly protocol = 'HTTP/2'
  id: string
  readonly head: RequestHead
  readonly clientAddress: string
  readonly beganMs: number
  dueMs = Number.POSITIVE_INFINITY
  bytesIn = 0
  bytesOut = 0
  status = 0
  isOver = false
  onGone: (cause: ClientFailure) => void = () => {}
  onDrain: () => void = () => {}
  readonly #stream: ServerHttp2Stream
  readonly #context: ListenerContext
  #headers: RawHeaders | null = null
  #parts: Uint8Array[] = []
  #partsBytes = 0
  #mayHaveTrailers = false
  #trailers: RawHeaders = []
  #isBodyRead: boolean
  #isReading = false
  #bytesInWindow = 0
  #unsentBytes = -1

  constructor(stream: ServerHttp2Stream, head: RequestHead, clientAddress: string, context: ListenerContext) {
    this.#stream = stream
    this.#context = context
    this.head = head
    this.clientAddress = clientAddress
    this.id = context.nextId()
    this.beganMs = context.deadlines.nowMs
    this.#isBodyRead = stream.endAfterHeaders
    context.deadlines.watch(this)
    stream.on('error', () => this.#onClose())
    stream.on('close', () => this.#onClose())
    stream.on('drain', () => this.#onDrain())
  }

  readBody(receiver: BodyReceiver): void {
    if (this.#isBodyRead || this.head.bodyLength === 0) {
      this.#stream.resume()
      return receiver.endBody([])
    }
    if (this.head.expectsContinue) this.#stream.additionalHeaders({ ':status': 100 })
    let trailers: RawHeaders = []
    this.#stream.on('trailers', (_headers, _flags, raw: string[]) => {
      trailers = allowedTrailers(raw)
    })
    this.#stream.on('data', (chunk: Buffer) => {
      this.bytesIn += chunk.length
      this.#bytesInWindow += chunk.length
      if (!this.isOver && !receiver.takeBody(chunk)) this.#pauseBody()
    })
    this.#stream.on('end', () => {
      this.#isBodyRead = true
      this.#isReading = false
      if (this.#unsentBytes === -1) this.dueMs = Number.POSITIVE_INFINITY
      if (!this.isOver && !this.#stream.aborted) receiver.endBody(trailers)
    })
    this.#awaitBody()
  }

  resumeBody(): void {
    if (this.#isBodyRead || this.#isReading) return
    this.#awaitBody()
    this.#stream.resume()
  }

  inform(status: number, headers: RawHeaders): void {
    if (this.isOver || this.#stream.headersSent) return
    this.#stream.additionalHeaders({ ':status': status, ...objectOf(headers) })
  }

  respond(status: number, headers: RawHeaders, bodyLength: number): void {
    this.status = status
    this.#mayHaveTrailers = bodyLength === -1
    this.#headers = [':status', String(status), ...headers]
  }

  write(chunk: Uint8Array): boolean {
    if (this.isOver || chunk.length === 0) return true
    this.bytesOut += chunk.length
    this.#parts.push(chunk)
    this.#partsBytes += chunk.length
    return this.#stream.writableLength + this.#partsBytes <= this.#stream.writableHighWaterMark
  }

  flush(): void {
    if (this.#stream.destroyed || this.isOver) return
    if (this.#headers !== null) this.#sendHead(false)
    const bytes = this.#takeParts()
    if (bytes !== null && !this.#stream.write(bytes)) this.#onBlocked()
  }

  end(trailers: RawHeaders = []): void {
    if (this.isOver) return
    this.isOver = true
    if (this.#stream.destroyed) return
    const bytes = this.#takeParts()
    this.#trailers = trailers
    this.#mayHaveTrailers = trailers.length > 0
    if (this.#headers !== null) this.#sendHead(bytes === null && trailers.length === 0)
    if (bytes === null) this.#stream.end()
    else this.#stream.end(bytes)
    this.#onBlocked()
    if (this.#isBodyRead) return
    // The rest of the body is not wanted: NO_ERROR says so without spoiling the answer (RFC 9113 §8.1).
    this.#stream.resume()
    this.#stream.once('finish', () => this.#stream.close(constants.NGHTTP2_NO_ERROR))
  }

  abort(): void {
    if (this.isOver) return
    this.isOver = true
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  upgrade(): UpgradedClient {
    throw new EdgeError('EDGE_INTERNAL', 'HTTP/2 streams are not upgraded')
  }

  onDue(nowMs: number): void {
    if (this.#unsentBytes !== -1) return this.#onSlowReader()
    if (this.#isBodyRead || !this.#isReading) {
      this.dueMs = Number.POSITIVE_INFINITY
    } else if (this.#bytesInWindow < (this.#context.limits().bodyBytesPerSecond * RATE_WINDOW_MS) / 1000) {
      this.dueMs = Number.POSITIVE_INFINITY
      if (!this.isOver) this.onGone('EDGE_BODY_TOO_SLOW')
    } else {
      this.#bytesInWindow = 0
      this.dueMs = nowMs + RATE_WINDOW_MS
    }
  }

  #onSlowReader(): void {
    const hasTakenSome = this.#stream.writableLength < this.#unsentBytes
    if (hasTakenSome) return this.#onBlocked()
    const isAnswered = this.isOver
    this.isOver = true
    this.#stream.close(constants.NGHTTP2_CANCEL)
    if (!isAnswered) this.onGone('EDGE_CLIENT_STALLED')
  }

  #onBlocked(): void {
    this.#unsentBytes = this.#stream.writableLength
    this.dueMs = this.#context.deadlines.nowMs + this.#context.limits().sendMs
  }

  #onDrain(): void {
    this.#unsentBytes = -1
    this.dueMs = Number.POSITIVE_INFINITY
    if (this.#isReading) this.#awaitBody()
    if (!this.isOver) this.onDrain()
  }

  #awaitBody(): void {
    this.#isReading = true
    this.#bytesInWindow = 0
    if (this.#unsentBytes === -1) this.dueMs = this.#context.deadlines.nowMs + RATE_WINDOW_MS
  }

  #pauseBody(): void {
    this.#isReading = false
    this.#stream.pause()
  }

  #onClose(): void {
    this.#context.deadlines.unwatch(this)
    if (this.isOver) return
    this.isOver = true
    this.onGone('EDGE_CLIENT_CLOSED')
  }

  #sendHead(endStream: boolean): void {
    const headers = this.#headers as unknown as OutgoingHttpHeaders
    this.#headers = null
    this.#stream.respond(headers, { endStream, waitForTrailers: this.#mayHaveTrailers })
    // Without trailers this sends an empty DATA frame that ends the stream.
    if (this.#mayHaveTrailers)
      this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(objectOf(this.#trailers)))
  }

  /** A copy: the parts are the upstream's read buffer. */
  #takeParts(): Buffer | null {
    if (this.#partsBytes === 0) return null
    const bytes = Buffer.concat(this.#parts, this.#partsBytes)
    this.#parts = []
    this.#partsBytes = 0
    return bytes
  }
}

/** Interim answers and trailers are not taken as a list by node:http2. */
function objectOf(fields: RawHeaders): OutgoingHttpHeaders {
  const object: Record<string, string[]> = {}
  for (let i = 0; i < fields.length; i += 2) {
    const values = object[fields[i]!]
    if (values === undefined) object[fields[i]!] = [fields[i + 1]!]
    else values.push(fields[i + 1]!)
  }
  return object
}
