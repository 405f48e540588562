import type { Duplex } from 'node:stream'
import { EdgeError } from '../errors.ts'
import type { UpgradedClient } from '../http/exchange.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { FrameTrail } from './frames.ts'

/** A client whose upstream has closed has this long, once it was sent everything, to close its half. */
const LINGER_MS = 5_000
/** A close frame that says 1012, service restart: whoever gets it may come back at once (RFC 6455 §5.5.1, §7.4). */
const RESTART = Buffer.of(0x88, 2, 1012 >> 8, 1012 & 0xff)

/** Who owns a tunnel. */
export interface TunnelOwner {
  onActivity(): void
  onFinished(failure: EdgeError | null): void
}

/** A WebSocket once both sides agreed (RFC 6455 §4): bytes both ways, each side no faster than the other takes them. */
export class Tunnel {
  bytesIn = 0
  bytesOut = 0
  readonly #client: Duplex
  readonly #head: Buffer
  readonly #upstream: UpstreamConnection
  readonly #owner: TunnelOwner
  readonly #frames = new FrameTrail()
  #isUpstreamOpen = true
  #isDismissed = false
  #isToldToGo = false
  #failure: EdgeError | null = null

  constructor(client: UpgradedClient, upstream: UpstreamConnection, owner: TunnelOwner) {
    this.#client = client.socket
    this.#head = client.head
    this.#upstream = upstream
    this.#owner = owner
  }

  /** @param rest what the upstream sent right behind its 101 */
  start(rest: Buffer): void {
    const client = this.#client
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk))
    client.on('drain', () => this.#upstream.resume())
    client.on('end', () => this.#upstream.endRaw())
    client.on('error', () => this.#owner.onFinished(new EdgeError('EDGE_CLIENT_CLOSED', 'the WebSocket was reset')))
    client.on('close', () => this.#owner.onFinished(this.#failure))
    if (rest.length > 0) this.fromUpstream(rest)
    if (this.#head.length > 0) this.#fromClient(this.#head)
    client.resume()
  }

  fromUpstream(chunk: Buffer): void {
    // Nothing may follow a close frame.
    if (this.#isToldToGo) return
    if (this.#isDismissed) return this.#finishFrame(chunk)
    this.#frames.follow(chunk)
    this.#send(chunk)
  }

  /**
   * Asks the client to close, as soon as the frame that is under way has ended. Its answer goes to the upstream, which
   * ends its own side upon it.
   */
  dismiss(): void {
    if (this.#isDismissed || !this.#isUpstreamOpen) return
    this.#isDismissed = true
    if (this.#frames.isBetween) this.#tellToGo()
  }

  onUpstreamWritable(): void {
    this.#client.resume()
  }

  /** What it sent goes out to the client first; then the client's 'close' finishes. */
  onUpstreamClosed(): void {
    this.#isUpstreamOpen = false
    // Its client sees that it broke off (1006), unless he has left himself.
    const isAgreed = this.#frames.hasClosed || this.#isToldToGo || this.#client.readableEnded
    if (!isAgreed) this.#failure = new EdgeError('EDGE_UPSTREAM_TRUNCATED', 'closed without a close frame')
    this.#client.end(() => setTimeout(() => this.#client.destroy(), LINGER_MS).unref())
    this.#client.resume()
  }

  /** Cuts both sides. */
  close(): void {
    this.#client.destroy()
    if (this.#isUpstreamOpen) this.#upstream.destroy()
  }

  #finishFrame(chunk: Buffer): void {
    const end = this.#frames.endOfFrame(chunk)
    this.#send(end === -1 ? chunk : chunk.subarray(0, end))
    if (end !== -1) this.#tellToGo()
  }

  #tellToGo(): void {
    this.#isToldToGo = true
    if (!this.#frames.hasClosed) this.#send(RESTART)
  }

  #send(bytes: Buffer): void {
    this.bytesOut += bytes.length
    // A copy: a chunk is the upstream's read buffer.
    if (!this.#client.write(Buffer.from(bytes))) this.#upstream.pause()
  }

  #fromClient(chunk: Buffer): void {
    // Bytes for an upstream that is gone keep nothing alive.
    if (!this.#isUpstreamOpen) return
    this.#owner.onActivity()
    this.bytesIn += chunk.length
    if (!this.#upstream.writeRaw(chunk)) this.#client.pause()
  }
}
