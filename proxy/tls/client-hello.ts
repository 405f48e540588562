/** What a client says before anything is chosen (RFC 8446 §4.1.2): the name it wants and the protocols it speaks. */
export interface ClientHello {
  /** As it came; null: none was named (RFC 6066 §3). */
  readonly serverName: string | null
  /** In the client's order (RFC 7301 §3.1). */
  readonly alpn: readonly string[]
}

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0
const HOST_NAME = 0
const ALPN = 16
const RECORD_HEAD = 5
const MOST_OF_A_RECORD = 16_384
const MESSAGE_HEAD = 4

/**
 * Reads the first bytes of a connection; they may end, or be cut into records, anywhere. Pure, and never throws.
 * @returns 'more' while what came can become a ClientHello; null: it cannot
 */
export function parseClientHello(bytes: Uint8Array): ClientHello | 'more' | null {
  const message = messageIn(bytes)
  return message === null || message === 'more' ? message : readHello(new Cursor(message))
}

/** The first handshake message without its head, put together from its records (RFC 8446 §5.1). */
function messageIn(bytes: Uint8Array): Uint8Array | 'more' | null {
  const message = new Uint8Array(bytes.length)
  let got = 0
  for (let at = 0; ; ) {
    if (!mayBeRecord(bytes, at)) return null
    const start = at + RECORD_HEAD
    if (bytes.length < start) return 'more'
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!
    // An empty one is forbidden for a handshake.
    if (length === 0 || length > MOST_OF_A_RECORD) return null
    const fragment = bytes.subarray(start, start + length)
    message.set(fragment, got)
    got += fragment.length
    if (got > 0 && message[0] !== CLIENT_HELLO) return null
    if (got >= MESSAGE_HEAD) {
      const end = MESSAGE_HEAD + ((message[1]! << 16) | (message[2]! << 8) | message[3]!)
      if (got >= end) return message.subarray(MESSAGE_HEAD, end)
    }
    if (fragment.length < length) return 'more'
    at = start + length
  }
}

/** A handshake record of TLS, as far as its head has come. */
function mayBeRecord(bytes: Uint8Array, at: number): boolean {
  return (bytes.length <= at || bytes[at] === HANDSHAKE) && (bytes.length <= at + 1 || bytes[at + 1] === 3)
}

function readHello(hello: Cursor): ClientHello | null {
  hello.take(2 + 32) // version, random
  hello.vector(1) // session id
  hello.vector(2) // cipher suites
  hello.vector(1) // compression methods
  let serverName: string | null = null
  let alpn: string[] = []
  const extensions = hello.isAtEnd ? hello : hello.vector(2)
  while (!extensions.isAtEnd) {
    const type = extensions.number(2)
    const content = extensions.vector(2)
    if (type === SERVER_NAME) serverName = readServerName(content)
    else if (type === ALPN) alpn = readAlpn(content)
    if (content.isBroken) return null
  }
  return hello.isBroken || extensions.isBroken ? null : { serverName, alpn }
}

function readServerName(content: Cursor): string | null {
  const list = content.vector(2)
  let name: string | null = null
  while (!list.isAtEnd) {
    const type = list.number(1)
    const text = list.vector(2).text()
    if (type === HOST_NAME) name ??= text
  }
  if (list.isBroken) content.isBroken = true
  return name
}

function readAlpn(content: Cursor): string[] {
  const list = content.vector(2)
  const names: string[] = []
  while (!list.isAtEnd) names.push(list.vector(1).text())
  if (list.isBroken) content.isBroken = true
  return names
}

/** Reads on from byte to byte; past the end there is nothing, and `isBroken` tells. */
class Cursor {
  isBroken = false
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.isBroken || this.#at >= this.#bytes.length
  }

  take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) this.isBroken = true
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  /** Big-endian, of one or two bytes. */
  number(width: 1 | 2): number {
    const [first = 0, second = 0] = this.take(width)
    return width === 1 ? first : (first << 8) | second
  }

  /** What a length of `width` bytes stands before. */
  vector(width: 1 | 2): Cursor {
    return new Cursor(this.take(this.number(width)))
  }

  text(): string {
    return Buffer.from(this.#bytes).toString('latin1')
  }
}
