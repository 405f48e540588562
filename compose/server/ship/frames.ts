import type { Readable } from 'node:stream'

/** Lines, and bytes between them, off one stream. It has ended when nothing has come of it for too long, too. */
export class Frames {
  readonly #source: Readable
  readonly #silenceMs: number
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  /** @param silenceMs that it may last until a byte comes that is waited for */
  constructor(source: Readable, silenceMs: number) {
    this.#source = source
    this.#silenceMs = silenceMs
    this.#chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** @returns null at the end @throws RangeError for one that no plan is as long as */
  async line(): Promise<string | null> {
    const seen: Buffer[] = []
    for (let bytes = 0; bytes < longestLine; ) {
      const chunk = await this.#next()
      if (chunk === null) return null
      const end = chunk.indexOf(10)
      if (end >= 0) {
        this.#rest = chunk.subarray(end + 1)
        return Buffer.concat([...seen, chunk.subarray(0, end)]).toString()
      }
      seen.push(chunk)
      bytes += chunk.length
    }
    throw new RangeError('a line that does not end')
  }

  /** The next so many bytes, as they come; fewer when the stream ends. */
  async *bytes(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      const chunk = await this.#next()
      if (chunk === null) return
      const part = chunk.subarray(0, left)
      this.#rest = chunk.subarray(part.length)
      left -= part.length
      yield part
    }
  }

  async #next(): Promise<Buffer | null> {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    if (rest.length > 0) return rest
    const late = setTimeout(() => this.#source.destroy(), this.#silenceMs)
    try {
      const { value, done } = await this.#chunks.next()
      return done ? null : value
    } catch {
      return null // broken off
    } finally {
      clearTimeout(late)
    }
  }
}

/** 10,000 pieces, which are 40 GB, are told in a tenth of that. */
const longestLine = 16 << 20
