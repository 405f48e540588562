import type { TLSSocket } from 'node:tls'
import type { Deadlines, Timed } from '../../deadlines.ts'
import { dataHead, FrameReader, frame, frameOf } from './frames.ts'
import type { RoundTrip } from './round-trip.ts'

/** Who uses a wire: a line, or the one who keeps it ready for one. */
export interface WireUser {
  onData(chunk: Buffer): void
  onFrame(type: number, payload: Buffer): void
  /** It takes bytes again. */
  onWritable(): void
  /** It is gone; nothing more comes of it. */
  onClosed(why: string): void
}

/** What every wire is measured by. */
export interface WireContext {
  /** Of this process, and of its link: no other knows the lines. */
  readonly instance: string
  readonly deadlines: Deadlines
  readonly roundTrip: RoundTrip
}

/** How often the dialer tells that it is there; the answer tells that the other end is. */
const PING_MS = 2_000
/** A process that is so late has been stopped itself: what came meanwhile is still to be read. */
const ASLEEP_MS = 1_000
/** Who is there closes as well, a round trip later. */
const CLOSE_MS = 2_000

/**
 * One TLS connection between the edges, once both know each other's key: frames out, frames in, and whether the other
 * end is still there. It is always read, however slow the readers above are: what was acknowledged, and who has left,
 * must not wait behind data.
 */
export class Wire implements Timed {
  dueMs: number
  readonly openedMs: number
  /** Of the key that the other end showed. */
  readonly fingerprint: string
  user: WireUser
  /** Of a dialer: one of both is enough. */
  isPinging = false
  readonly #socket: TLSSocket
  readonly #context: WireContext
  readonly #reader: FrameReader
  #heardMs: number
  #isClosed = false

  constructor(socket: TLSSocket, fingerprint: string, context: WireContext, user: WireUser) {
    this.#socket = socket
    this.fingerprint = fingerprint
    this.#context = context
    this.user = user
    this.openedMs = context.deadlines.nowMs
    this.#heardMs = this.openedMs
    this.dueMs = this.openedMs + PING_MS
    this.#reader = new FrameReader({
      onData: chunk => void (this.#isClosed || this.user.onData(chunk)),
      onControl: (type, payload) => void (this.#isClosed || this.#onControl(type, payload)),
      onGarbage: () => this.fail('what came is not of this protocol')
    })
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.#heardMs = context.deadlines.coarseMs
      this.#reader.push(chunk)
    })
    socket.on('drain', () => this.user.onWritable())
    socket.on('error', error => this.fail(error.message))
    socket.on('end', () => this.fail('closed by the other edge'))
    socket.on('close', () => this.fail('closed'))
    context.deadlines.watch(this)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get isWritable(): boolean {
    return !this.#socket.writableNeedDrain
  }

  send(type: number, payload: Buffer | null = null): void {
    if (!this.#isClosed) this.#socket.write(frameOf(type, payload))
  }

  /** @param chunks a data frame's together, no longer than that may be. */
  sendData(chunks: readonly Buffer[]): void {
    if (this.#isClosed) return
    const socket = this.#socket
    // One write, and so one record where it fits.
    socket.cork()
    socket.write(dataHead(chunks.reduce((sum, { length }) => sum + length, 0)))
    for (const chunk of chunks) socket.write(chunk)
    socket.uncork()
  }

  /** What was sent before goes out. @param onUnheard the other end may not have got all of it */
  close(onUnheard: () => void = () => {}): void {
    if (this.#isClosed) return
    this.#leave()
    const socket = this.#socket
    let isHeard = false
    const deadline = setTimeout(() => socket.destroy(), CLOSE_MS).unref()
    socket.once('end', () => {
      isHeard = true
    })
    socket.once('close', () => {
      clearTimeout(deadline)
      if (!isHeard) onUnheard()
    })
    socket.end()
  }

  /** Its user does not hear of it. */
  destroy(): void {
    if (this.#isClosed) return
    this.#leave()
    this.#socket.destroy()
  }

  /** It is of no use any more: its user hears so. */
  fail(why: string): void {
    if (this.#isClosed) return
    this.destroy()
    this.user.onClosed(why)
  }

  onDue(nowMs: number): void {
    if (nowMs - this.dueMs > ASLEEP_MS) this.#heardMs = nowMs
    const silentMs = nowMs - this.#heardMs
    if (silentMs > this.#context.roundTrip.silenceMs)
      return this.fail(`nothing heard for ${Math.round(silentMs / 1000)} s`)
    if (this.isPinging) this.ping(nowMs)
    this.dueMs = nowMs + PING_MS
  }

  /** Behind bytes that wait it would tell nothing that they do not. */
  ping(nowMs = this.#context.deadlines.nowMs): void {
    if (!this.isWritable) return
    const stamp = Buffer.allocUnsafe(8)
    stamp.writeDoubleBE(nowMs)
    this.send(frame.ping, stamp)
  }

  #onControl(type: number, payload: Buffer): void {
    if (type === frame.ping) this.#answer(payload)
    else if (type !== frame.pong) this.user.onFrame(type, payload)
    else if (payload.length === 8) this.#context.roundTrip.add(this.#context.deadlines.nowMs - payload.readDoubleBE(0))
  }

  /** Not to one that asks and asks, and does not read: the answers would fill the memory. */
  #answer(stamp: Buffer): void {
    if (this.isWritable) this.send(frame.pong, stamp)
  }

  #leave(): void {
    this.#isClosed = true
    this.#context.deadlines.unwatch(this)
  }
}
