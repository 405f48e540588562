import type { Socket } from 'node:net'
import type { Deadlines, Timed } from '../deadlines.ts'
import { EdgeError } from '../errors.ts'
import { type Connector, failureOfConnect } from './connector.ts'
import { ResponseReader, type ResponseReceiver } from './response-reader.ts'

/** What the pool wants to know of its connections. */
export interface ConnectionOwner {
  onIdle(connection: UpstreamConnection): void
  onClosed(connection: UpstreamConnection): void
}

/** One HTTP/1.1 connection to an upstream: one request at a time, kept alive between them. */
export class UpstreamConnection implements Timed {
  /** When a connection attempt, or the life of an idle connection, is over. */
  dueMs: number
  /** What the upstream said of how long it keeps an idle connection. */
  keepAliveMs = Number.POSITIVE_INFINITY
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #deadlines: Deadlines
  #receiver: ResponseReceiver | null = null
  #reader: ResponseReader | null = null
  #uses: number
  #isRequestSent = false
  #isChunkedRequest = false
  #isConnected = false
  #isPaused = false
  #isClosed = false
  #isLast = false

  constructor(connector: Connector, owner: ConnectionOwner, deadlines: Deadlines) {
    this.#owner = owner
    this.#deadlines = deadlines
    this.#uses = connector.isWarm ? 1 : 0
    this.dueMs = deadlines.nowMs + connector.connectMs
    deadlines.watch(this)
    this.#socket = connector.connect((length, buffer) => this.#onRead(buffer.subarray(0, length)))
    this.#socket.setNoDelay(true)
    this.#socket.once(connector.readyEvent, () => {
      this.#isConnected = true
      this.dueMs = Number.POSITIVE_INFINITY
      this.#receiver?.onWritable()
    })
    this.#socket.on('drain', () => this.#receiver?.onWritable())
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('error', error => this.#fail(error))
    this.#socket.on('close', () => this.#fail(null))
    this.#socket.on('last', () => this.#retire())
    // A line to the peer that has lost its wire: what is under way on it waits for another, what comes next need not.
    this.#socket.on('away', () => this.#reader === null && this.destroy())
  }

  /** @param isChunked the body comes by `write()` in chunks; else as it is, by its length, or there is none */
  send(head: string, method: string, isChunked: boolean, receiver: ResponseReceiver): void {
    this.#uses++
    this.#receiver = receiver
    this.#reader = new ResponseReader(method, receiver)
    this.#isChunkedRequest = isChunked
    this.#isRequestSent = false
    if (this.#isConnected) this.dueMs = Number.POSITIVE_INFINITY
    // For a line to the peer: what was heard of the requests before does not count for this one.
    this.#socket.emit('request')
    this.#socket.write(head, 'latin1')
  }

  /** Body bytes of the request. @returns false: wait for `onWritable` */
  write(chunk: Buffer): boolean {
    if (!this.#isChunkedRequest) return this.#socket.write(chunk) && this.#isConnected
    this.#socket.cork()
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    this.#socket.write(chunk)
    const isTaken = this.#socket.write('\r\n', 'latin1')
    this.#socket.uncork()
    return isTaken && this.#isConnected
  }

  endRequest(trailers: readonly string[]): void {
    this.#isRequestSent = true
    if (!this.#isChunkedRequest) return
    let text = '0\r\n'
    for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i]}: ${trailers[i + 1]}\r\n`
    this.#socket.write(`${text}\r\n`, 'latin1')
  }

  /** Bytes of a tunnel, after `onUpgrade`. @returns false: wait for `onWritable` */
  writeRaw(chunk: Buffer): boolean {
    return this.#socket.write(chunk)
  }

  endRaw(): void {
    this.#socket.end()
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  /** Closes it now; the receiver hears nothing more. */
  destroy(): void {
    this.#receiver = null
    this.#close()
  }

  onDue(): void {
    if (!this.#isConnected) this.#fail(new EdgeError('EDGE_UPSTREAM_CONNECT_TIMEOUT', 'no connection in time'))
    else this.destroy()
  }

  /** @returns false to stop reading until `resume()` */
  #onRead(bytes: Buffer): boolean {
    const reader = this.#reader
    // Bytes that nobody asked for (a 408 on an idle connection, say): what follows could not be told apart.
    if (reader === null) {
      this.#close()
      return false
    }
    const receiver = this.#receiver
    try {
      const left = reader.push(bytes)
      if (reader.isDone) this.#settle(left > 0)
    } catch (error) {
      this.#fail(error instanceof EdgeError ? error : new EdgeError('EDGE_INTERNAL', String(error), error))
    }
    receiver?.onReadEnd()
    return !this.#isPaused
  }

  /** The answer is complete: back to the pool, unless something stands against it. */
  #settle(hasMore: boolean): void {
    const head = this.#reader!.head!
    this.#receiver = null
    this.#reader = null
    this.keepAliveMs = head.keepAliveMs
    if (hasMore || this.#isLast || !this.#isRequestSent || !head.keepsAlive || this.#isClosed) return this.#close()
    // Paused, it would not hear the upstream close it.
    this.resume()
    this.#owner.onIdle(this)
  }

  /** A line to a peer that is not the one to ask any more: what is under way on it goes on. */
  #retire(): void {
    this.#isLast = true
    if (this.#reader === null) this.destroy()
  }

  #onEnd(): void {
    const receiver = this.#receiver
    if (this.#reader?.finishAtClose() !== true) return this.#fail(null)
    this.destroy()
    receiver?.onReadEnd()
  }

  #fail(cause: unknown): void {
    if (this.#isClosed) return
    const receiver = this.#receiver
    // A line that has waited in vain speaks of the whole link: another one would wait as long.
    const isDown = cause instanceof EdgeError && cause.code === 'LINK_DOWN'
    const isUnanswered = this.#uses > 1 && this.#reader?.hasBegun === false && !isDown
    this.destroy()
    receiver?.onFailure(this.#describe(cause), isUnanswered)
  }

  #describe(cause: unknown): EdgeError {
    const isInBody = this.#reader?.head != null
    if (cause instanceof EdgeError && (!isInBody || cause.side === 'edge')) return cause
    if (!this.#isConnected) return failureOfConnect(cause)
    const detail = cause instanceof Error ? cause.message : 'closed by the upstream'
    return new EdgeError(isInBody ? 'EDGE_UPSTREAM_TRUNCATED' : 'EDGE_UPSTREAM_CLOSED', detail, cause)
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#deadlines.unwatch(this)
    this.#socket.destroy()
    this.#owner.onClosed(this)
  }
}
