import { randomBytes } from 'node:crypto'
import { Duplex } from 'node:stream'
import { frame, LONGEST_DATA_BYTES, OFFSET_BYTES, offsetOf, takePart } from './frames.ts'
import { Inbox, type InboxOwner } from './inbox.ts'
import { type Budget, MOST_BYTES, Outbox } from './outbox.ts'
import type { Wire, WireUser } from './wire.ts'

/** Who gives a line its wire. */
export interface LineOwner {
  /** Its wire is lost: another one is wanted, to go on. */
  onWireLost(line: Line, why: string): void
  /** It has its wire still, if it had one. */
  onOver(line: Line): void
  /** It is over, and the other side may not have got to know. */
  onUnheard(line: Line): void
}

export const ID_BYTES = 16
/** More is not sent before some of it was acknowledged. */
const MOST_UNREAD_BYTES = MOST_BYTES + LONGEST_DATA_BYTES

/**
 * A connection to the other edge that outlives its wire: what was not acknowledged is sent again over the next one, and
 * whoever reads and writes here notices a pause at most. It does what a socket does, and is used like one. Who does not
 * read here stops the writer there, by not acknowledging; the wire itself is always read. It has 'finish' when the
 * other side has taken everything.
 */
export class Line extends Duplex implements WireUser, InboxOwner {
  readonly id: Buffer
  /** Whether it ever had a wire: then the other side may know it. */
  hasBegun = false
  /** Whether the other side has said that it is over. */
  wasReset = false
  readonly #owner: LineOwner
  readonly #outbox: Outbox
  readonly #inbox: Inbox
  #wire: Wire | null = null
  /** What waits for room in the outbox, or for the wire, and who waits. */
  #queue: Buffer[] = []
  #onTaken: (() => void) | null = null
  #onFinal: (() => void) | null = null

  constructor(owner: LineOwner, budget: Budget, id = randomBytes(ID_BYTES)) {
    super({ allowHalfOpen: false })
    this.#owner = owner
    this.#outbox = new Outbox(budget)
    this.#inbox = new Inbox(this)
    this.id = id
    // Whoever left it before it failed must not take the process with him.
    this.on('error', () => {})
    this.on('request', () => this.#outbox.beginTurn(this.#inbox.receivedBytes))
  }

  get wire(): Wire | null {
    return this.#wire
  }

  /** Whether the other side has neither said nor shown that it has heard of the request that is under way. */
  get isUnheard(): boolean {
    return !this.#outbox.isTurnHeard(this.#inbox.receivedBytes)
  }

  get receivedBytes(): number {
    return this.#inbox.receivedBytes
  }

  /** As a socket: only what is written at once goes out at once. */
  setNoDelay(): this {
    return this
  }

  resetAndDestroy(): this {
    return this.destroy()
  }

  /** Whether it can go on from there. @param theirs how much of ours the other side has */
  canResume(theirs: number): boolean {
    return this.#outbox.canResume(theirs)
  }

  /** From here on over this wire. @param theirs as `canResume()` has found to be possible */
  attach(wire: Wire, theirs: number): void {
    this.#outbox.resumeFrom(theirs)
    this.#wire?.destroy()
    this.#wire = wire
    this.hasBegun = true
    wire.user = this
    const again = [...this.#outbox.kept]
    while (again.length > 0) wire.sendData(takePart(again))
    if (this.#outbox.hasEnd && !this.#outbox.isEndKnown) wire.send(frame.end)
    this.#inbox.renew()
    this.#letGo()
  }

  onData(chunk: Buffer): void {
    if (this.#inbox.isEnded) return void this.destroy(new Error('more came after the end'))
    this.#inbox.receivedBytes += chunk.length
    this.push(chunk)
    if (this.readableLength > MOST_UNREAD_BYTES) return void this.destroy(new Error('more was sent than may be'))
    this.#inbox.look()
  }

  onFrame(type: number, payload: Buffer): void {
    if (type === frame.ack && payload.length === OFFSET_BYTES) {
      if (this.#outbox.acknowledge(payload.readUIntBE(0, OFFSET_BYTES))) this.#letGo()
      else this.destroy(new Error('more was acknowledged than was sent'))
    } else if (type === frame.end) this.#onEnd()
    else if (type === frame.reset) this.#onReset()
  }

  acknowledge(offset: number): boolean {
    this.#wire?.send(frame.ack, offsetOf(offset))
    return this.#wire !== null
  }

  onWritable(): void {
    this.#letGo()
  }

  onClosed(why: string): void {
    this.#wire = null
    this.#owner.onWireLost(this, why)
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#send([chunk], done)
  }

  override _writev(chunks: readonly { chunk: Buffer }[], done: () => void): void {
    const all = chunks.map(({ chunk }) => chunk)
    this.#send(all, done)
  }

  override _final(done: () => void): void {
    this.#outbox.close()
    this.#wire?.send(frame.end)
    this.#onFinal = done
  }

  override _read(): void {}

  override read(size?: number): unknown {
    const taken: unknown = super.read(size)
    this.#inbox.look()
    return taken
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inbox.close()
    this.#owner.onOver(this)
    const wire = this.#wire
    this.#wire = null
    wire?.send(frame.reset)
    wire?.close(() => this.#owner.onUnheard(this))
    this.#outbox.clear()
    ;[this.#queue, this.#onTaken, this.#onFinal] = [[], null, null]
    done(error)
  }

  #send(chunks: Buffer[], done: () => void): void {
    this.#queue = chunks
    this.#onTaken = done
    this.#letGo()
  }

  /** Sends what waits, as far as there is room, and tells who waits. */
  #letGo(): void {
    while (this.#onTaken !== null && !this.#outbox.isFull && this.#wire?.isWritable !== false) {
      const part = takePart(this.#queue)
      for (const chunk of part) this.#outbox.push(chunk)
      if (part.length > 0) this.#wire?.sendData(part)
      else this.#finishWrite()
    }
    if (!this.#outbox.isDone) return
    const done = this.#onFinal
    this.#onFinal = null
    done?.()
  }

  #finishWrite(): void {
    const done = this.#onTaken
    this.#onTaken = null
    done?.()
  }

  #onEnd(): void {
    if (this.#inbox.isEnded) return
    this.#inbox.end()
    this.push(null)
    this.#inbox.look()
  }

  #onReset(): void {
    this.wasReset = true
    // After both ends it only says that the other side has closed as well.
    if (this.#inbox.isEnded && this.#outbox.isEndKnown) this.destroy()
    else this.destroy(Object.assign(new Error('reset by the other edge'), { code: 'ECONNRESET' }))
  }
}
