/**
 * What travels on a wire, below HTTP: one byte that says what it is, three with the length of the rest, the rest.
 * The numbers are the protocol: they never change within `PROTOCOL`.
 */
export const frame = {
  /** The acceptor's first: it knows the dialer's key. JSON: HelloFrame. */
  hello: 1,
  /** Instead of it, before it closes: a failure code. */
  refuse: 2,
  /** Of a dialer: a new line by this id (16 bytes) is on this wire. */
  open: 3,
  /** Of a dialer: the line by this id goes on over this wire; then six bytes: what it has received so far. */
  resume: 4,
  /** The answer to it: what the acceptor has received (six bytes); empty: it never knew such a line. Of one that is over: reset. */
  resumed: 5,
  data: 6,
  /** How much has been taken by who reads there, since the line began (six bytes). */
  ack: 7,
  /** No more data will come in this direction. It counts as one byte more. */
  end: 8,
  /** The line is over, in both directions, now. */
  reset: 9,
  /** Eight bytes, which come back in a pong: it tells that the sender is there, even where nobody reads on. */
  ping: 10,
  pong: 11,
  /** Of a dialer, on any wire that is not in use: nobody will come for the line by this id (16 bytes). */
  gone: 12
} as const

/** Of this protocol, as ALPN names it (RFC 7301). */
export const PROTOCOL = 1
export const ALPN = `twinedge-link/${PROTOCOL}`

/** Nothing but data is longer. */
const LONGEST_CONTROL_BYTES = 4_096
export const LONGEST_DATA_BYTES = 65_536
export const OFFSET_BYTES = 6
const HEAD_BYTES = 4

/** Who hears what came. */
export interface FrameReceiver {
  /** A piece of a data frame, as it came. */
  onData(chunk: Buffer): void
  onControl(type: number, payload: Buffer): void
  /** These bytes are not frames. */
  onGarbage(): void
}

export function frameOf(type: number, payload: Buffer | null = null): Buffer {
  const length = payload?.length ?? 0
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + length)
  bytes.writeUInt8(type, 0)
  bytes.writeUIntBE(length, 1, 3)
  payload?.copy(bytes, HEAD_BYTES)
  return bytes
}

/** The head of a data frame, whose payload is written behind it. */
export function dataHead(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES)
  bytes.writeUInt8(frame.data, 0)
  bytes.writeUIntBE(length, 1, 3)
  return bytes
}

/** Takes off the queue as much as a data frame holds. */
export function takePart(queue: Buffer[]): Buffer[] {
  const part: Buffer[] = []
  let room = LONGEST_DATA_BYTES
  while (room > 0 && queue.length > 0) {
    const first = queue[0]!
    const piece = first.subarray(0, room)
    if (piece.length > 0) part.push(piece)
    if (piece.length === first.length) queue.shift()
    else queue[0] = first.subarray(room)
    room -= piece.length
  }
  return part
}

export function offsetOf(offset: number): Buffer {
  const bytes = Buffer.allocUnsafe(OFFSET_BYTES)
  bytes.writeUIntBE(offset, 0, OFFSET_BYTES)
  return bytes
}

/** The first word of either end on a wire. */
export interface Hello {
  /** Of the process: lines are known to the one that accepted them, and to no other. */
  readonly instance: string
}

export function helloOf(hello: Hello): Buffer {
  return Buffer.from(JSON.stringify(hello))
}

/** @returns null for what is none. What else a later release says in it is ignored. */
export function readHello(payload: Buffer): Hello | null {
  try {
    const { instance } = JSON.parse(payload.toString()) as Partial<Record<string, unknown>>
    return typeof instance === 'string' ? { instance } : null
  } catch {
    return null
  }
}

/** Takes frames out of bytes as they come; data is handed on without waiting for its end. */
export class FrameReader {
  readonly #receiver: FrameReceiver
  #pending: Buffer | null = null
  #type = 0
  /** Of the frame that is under way; -1: none is. */
  #left = -1
  #isBroken = false

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver
  }

  push(chunk: Buffer): void {
    let bytes = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk])
    this.#pending = null
    while (bytes.length > 0 && !this.#isBroken) {
      const taken = this.#left === -1 ? this.#readHead(bytes) : this.#readRest(bytes)
      if (taken === 0) {
        this.#pending = bytes
        return
      }
      bytes = bytes.subarray(taken)
    }
  }

  #readHead(bytes: Buffer): number {
    if (bytes.length < HEAD_BYTES) return 0
    this.#type = bytes.readUInt8(0)
    const length = bytes.readUIntBE(1, 3)
    const longest = this.#type === frame.data ? LONGEST_DATA_BYTES : LONGEST_CONTROL_BYTES
    if (this.#type < frame.hello || this.#type > frame.gone || length > longest) {
      this.#isBroken = true
      this.#receiver.onGarbage()
      return bytes.length
    }
    this.#left = length
    if (length === 0) this.#finish(Buffer.alloc(0))
    return HEAD_BYTES
  }

  #readRest(bytes: Buffer): number {
    const length = Math.min(this.#left, bytes.length)
    if (this.#type === frame.data) {
      this.#left = this.#left === length ? -1 : this.#left - length
      this.#receiver.onData(bytes.subarray(0, length))
      return length
    }
    if (length < this.#left) return 0
    this.#finish(bytes.subarray(0, length))
    return length
  }

  #finish(payload: Buffer): void {
    this.#left = -1
    if (this.#type !== frame.data) this.#receiver.onControl(this.#type, payload)
  }
}
