/** What has not named its stream by then does not name it. */
const MOST_BYTES = 65_536
const LONGEST_KEY_BYTES = 200
const LF = 0x0a
const CR = 0x0d

/** Reads the bytes of an event stream (HTML §9.2.6) until an event's JSON names it, however they are split. */
export class EventKeyReader {
  /** Found, or there is none. */
  isDone = false
  readonly #member: string
  #line: number[] = []
  #data: string[] = []
  #seen = 0
  #isAfterCr = false

  constructor(member: string) {
    this.#member = member
  }

  /** @returns the key, once, when it is found */
  read(chunk: Uint8Array): string | null {
    for (const byte of chunk) {
      const key = this.#take(byte)
      if (key !== null) return key
      if (this.isDone) return null
    }
    return null
  }

  #take(byte: number): string | null {
    this.isDone = ++this.#seen >= MOST_BYTES
    const isRestOfEnd = byte === LF && this.#isAfterCr
    this.#isAfterCr = byte === CR
    if (isRestOfEnd) return null
    if (byte === LF || byte === CR) return this.#endLine()
    this.#line.push(byte)
    return null
  }

  #endLine(): string | null {
    const line = Buffer.from(this.#line)
      .toString()
      .replace(/^\uFEFF/, '')
    this.#line = []
    const [, data] = /^data(?::(?: ?)(.*))?$/s.exec(line) ?? []
    if (data !== undefined) this.#data.push(data)
    if (line !== '') return null
    const key = keyOf(this.#data.join('\n'), this.#member)
    this.#data = []
    if (key !== null) this.isDone = true
    return key
  }
}

/** A member at the top of a JSON object, as a key; null for whatever is none. */
export function keyOf(json: string, member: string): string | null {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    const key = (value as Record<string, unknown>)[member]
    if (typeof key === 'number') return String(key)
    return typeof key === 'string' && key !== '' && Buffer.byteLength(key) <= LONGEST_KEY_BYTES ? key : null
  } catch {
    return null
  }
}
