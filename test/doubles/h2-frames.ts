import type { TLSSocket } from 'node:tls'

/** Frame types (RFC 9113 §6). */
export const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9
} as const
export const END_STREAM = 0x1
export const ACK = 0x1
export const END_HEADERS = 0x4

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export type Field = readonly [name: string, value: string]

/** What a good request of HTTP/2 begins with. */
export const pseudo: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
  [':path', '/']
]

/** An HTTP/2 client that writes whatever frames it is told to, and reads what comes back. */
export class H2Frames {
  readonly socket: TLSSocket
  /** Every frame so far. */
  readonly frames: Frame[] = []
  isClosed = false
  #unread = Buffer.alloc(0)
  readonly #waiting = new Set<() => void>()

  /** @param socket with ALPN `h2`; the preface and empty settings go out at once */
  constructor(socket: TLSSocket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('close', () => {
      this.isClosed = true
      for (const look of this.#waiting) look()
    })
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    this.write(types.settings, 0, 0)
  }

  write(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): boolean {
    return this.socket.write(frame(type, flags, stream, payload))
  }

  /** One HEADERS frame, whole. */
  request(stream: number, fields: readonly Field[], flags: number = END_STREAM): void {
    this.write(types.headers, flags | END_HEADERS, stream, literal(fields))
  }

  /** The first frame, past or future, that `wanted` accepts; null once the connection is closed without it. */
  async frame(wanted: (frame: Frame) => boolean): Promise<Frame | null> {
    const { promise, resolve } = Promise.withResolvers<Frame | null>()
    const look = (): void => {
      const found = this.frames.find(wanted)
      if (found === undefined && !this.isClosed) return
      this.#waiting.delete(look)
      resolve(found ?? null)
    }
    this.#waiting.add(look)
    look()
    return promise
  }

  /** How a stream was answered: its status, or that it was reset or its connection closed. */
  async verdict(stream: number): Promise<number | 'refused'> {
    const isVerdict = (it: Frame): boolean =>
      (it.stream === stream && (it.type === types.headers || it.type === types.reset)) || it.type === types.goaway
    const found = await this.frame(isVerdict)
    return found === null || found.type !== types.headers ? 'refused' : statusOf(found.payload)
  }

  async closed(): Promise<void> {
    await this.frame(() => false)
  }

  #onData(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk])
    while (this.#unread.length >= 9) {
      const end = 9 + this.#unread.readUIntBE(0, 3)
      if (this.#unread.length < end) break
      const [type, flags] = [this.#unread[3]!, this.#unread[4]!]
      const stream = this.#unread.readUInt32BE(5) & 0x7fffffff
      this.frames.push({ type, flags, stream, payload: this.#unread.subarray(9, end) })
      this.#unread = this.#unread.subarray(end)
      if (type === types.settings && (flags & ACK) === 0) this.write(types.settings, ACK, 0)
    }
    for (const look of this.#waiting) look()
  }
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** HPACK without an index and without Huffman (RFC 7541 §6.2.2): any bytes at all can be names and values. */
export function literal(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.concat([integer(bytes.length), bytes])
}

/** RFC 7541 §5.1 with a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value)
  const bytes = [127]
  let left = value - 127
  for (; left >= 128; left >>>= 7) bytes.push((left & 127) | 128)
  bytes.push(left)
  return Buffer.from(bytes)
}

/** The status of an answer: the first field of its block, by index or as three digits, Huffman-coded or not. */
function statusOf(block: Buffer): number {
  let at = 0
  while (((block[at] ?? 0) & 0xe0) === 0x20) at++ // dynamic table size updates
  const first = block[at] ?? 0
  if (first >= 0x88 && first <= 0x8e) return [200, 204, 206, 304, 400, 404, 500][first - 0x88]!
  const length = block[at + 1] ?? 0
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f))
  return Number((length & 0x80) === 0 ? value.toString('latin1') : digits(value))
}

/** Huffman codes of the digits (RFC 7541 appendix B): five bits for 0, 1 and 2, six for the others. */
function digits(bytes: Buffer): string {
  let bits = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
  let found = ''
  while (found.length < 3) {
    const isShort = bits.startsWith('000')
    found += isShort ? Number.parseInt(bits.slice(0, 5), 2) : Number.parseInt(bits.slice(0, 6), 2) - 22
    bits = bits.slice(isShort ? 5 : 6)
  }
  return found
}
