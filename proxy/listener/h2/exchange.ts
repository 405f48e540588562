import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { EdgeError } from '../../errors.ts'
import { noteGarbage } from '../../garbage.ts'
import type {
  BodyReceiver,
  ClientFailure,
  Exchange,
  RawHeaders,
  RequestHead,
  UpgradedClient
} from '../../http/exchange.ts'
import { allowedTrailers } from '../../http/fields.ts'
import { type Late, Patience } from '../patience.ts'
import type { H2Connection } from './connection.ts'
import { fieldObject } from './fields.ts'

/** Whatever went wrong with a stream, 'close' follows; without a listener 'error' would be thrown. */
const ignoreError = (): void => {}

/** One request and its answer on an HTTP/2 stream. */
export class H2Exchange implements Exchange {
  readonly protocol = 'HTTP/2'
  id: string
  readonly head: RequestHead
  readonly beganMs: number
  bytesIn = 0
  bytesOut = 0
  status = 0
  isOver = false
  onGone: (cause: ClientFailure) => void = ignoreError
  onDrain: () => void = ignoreError
  readonly #stream: ServerHttp2Stream
  readonly #connection: H2Connection
  readonly #patience: Patience
  #headers: RawHeaders | null = null
  #parts: Uint8Array[] = []
  #partsBytes = 0
  #mayHaveTrailers = false
  #trailers: RawHeaders = []
  #isBodyRead: boolean
  #isPaused = false

  constructor(stream: ServerHttp2Stream, head: RequestHead, connection: H2Connection) {
    const { context } = connection
    this.#stream = stream
    this.#connection = connection
    this.head = head
    this.id = context.nextId()
    this.beganMs = context.deadlines.nowMs
    this.#isBodyRead = stream.endAfterHeaders
    this.#patience = new Patience(stream, context, late => this.#onLate(late))
    this.#patience.watch()
    stream.on('error', ignoreError)
    stream.on('close', () => this.#onClose())
  }

  get clientAddress(): string {
    return this.#connection.clientAddress
  }

  readBody(receiver: BodyReceiver): void {
    if (this.#isBodyRead) return receiver.endBody([])
    if (this.head.expectsContinue) this.#stream.additionalHeaders({ ':status': 100 })
    let trailers: RawHeaders = []
    this.#stream.on('trailers', (_headers, _flags, raw: unknown) => {
      trailers = allowedTrailers(raw as string[])
    })
    this.#stream.on('data', (chunk: Buffer) => {
      this.bytesIn += chunk.length
      noteGarbage(chunk.length)
      this.#patience.countBody(chunk.length)
      if (!this.isOver && !receiver.takeBody(chunk)) this.#pauseBody()
    })
    this.#stream.on('end', () => {
      this.#isBodyRead = true
      this.#patience.awaitsNothing()
      if (!this.isOver && !this.#stream.aborted) receiver.endBody(trailers)
    })
    this.#patience.awaitsBody()
  }

  resumeBody(): void {
    if (!this.#isPaused || this.#isBodyRead) return // its end may come while it is paused
    this.#isPaused = false
    this.#patience.awaitsBody()
    this.#stream.resume()
  }

  inform(status: number, headers: RawHeaders): void {
    if (this.isOver || this.#stream.headersSent) return
    this.#stream.additionalHeaders({ ':status': status, ...fieldObject(headers) })
  }

  respond(status: number, headers: RawHeaders, bodyLength: number): void {
    this.status = status
    this.#mayHaveTrailers = bodyLength === -1
    headers.unshift(':status', String(status))
    this.#headers = headers
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
    if (this.#headers !== null) {
      this.#mayHaveTrailers = trailers.length > 0
      this.#sendHead(bytes === null && trailers.length === 0)
    }
    this.#patience.onBlocked()
    if (bytes === null) this.#stream.end()
    else this.#stream.end(bytes)
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

  #onLate(late: Late): void {
    if (late === 'body') return this.isOver ? undefined : this.onGone('EDGE_BODY_TOO_SLOW')
    const isAnswered = this.isOver
    this.isOver = true
    this.#stream.close(constants.NGHTTP2_CANCEL)
    if (!isAnswered) this.onGone('EDGE_CLIENT_STALLED')
  }

  #onBlocked(): void {
    this.#patience.onBlocked()
    this.#stream.once('drain', () => {
      this.#patience.onDrained()
      if (!this.isOver) this.onDrain()
    })
  }

  #pauseBody(): void {
    this.#isPaused = true
    this.#patience.awaitsNothing()
    this.#stream.pause()
  }

  #onClose(): void {
    this.#patience.unwatch()
    this.#connection.onStreamClosed(this.#stream.rstCode)
    if (this.isOver) return
    this.isOver = true
    this.onGone('EDGE_CLIENT_CLOSED')
  }

  #sendHead(endStream: boolean): void {
    const headers = this.#headers as unknown as OutgoingHttpHeaders
    this.#headers = null
    try {
      this.#stream.respond(headers, { endStream, waitForTrailers: this.#mayHaveTrailers, sendDate: false } as object)
    } catch (error) {
      // Fields that HTTP/2 cannot carry: the client must not wait for an answer that was refused here.
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      throw error
    }
    // Without trailers this sends an empty DATA frame that ends the stream.
    if (this.#mayHaveTrailers) {
      this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(fieldObject(this.#trailers)))
    }
  }

  /** A copy: the parts are the upstream's read buffer. */
  #takeParts(): Buffer | null {
    if (this.#partsBytes === 0) return null
    const bytes = Buffer.concat(this.#parts, this.#partsBytes)
    noteGarbage(bytes.length)
    this.#parts = []
    this.#partsBytes = 0
    return bytes
  }
}
