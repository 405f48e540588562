import type { Readable } from 'node:stream'

/** One server-sent event of the sample API. */
export interface StreamEvent {
  /** What EventSource would send back as Last-Event-ID; '' when the event has none. */
  readonly id: string
  readonly seq: number
  readonly type?: string
  readonly stream_id?: string
}

/** Reads events one by one, as they come. */
export class EventReader {
  readonly #pieces: AsyncIterator<Buffer>
  readonly #ready: StreamEvent[] = []
  #rest = ''

  constructor(body: Readable) {
    this.#pieces = body[Symbol.asyncIterator]()
  }

  /** @returns null at the end of the stream; throws when it breaks off */
  async next(): Promise<StreamEvent | null> {
    while (this.#ready.length === 0) {
      const { value, done } = await this.#pieces.next()
      if (done) return null
      const blocks = (this.#rest + value).split('\n\n')
      this.#rest = blocks.pop() ?? ''
      this.#ready.push(...blocks.map(parse))
    }
    return this.#ready.shift() ?? null
  }

  /** The next `count` of them. */
  async take(count: number): Promise<StreamEvent[]> {
    const taken: StreamEvent[] = []
    for (let next = await this.next(); next !== null; next = await this.next()) {
      taken.push(next)
      if (taken.length === count) break
    }
    return taken
  }
}

function parse(block: string): StreamEvent {
  const field = (name: string): string =>
    block
      .split('\n')
      .find(line => line.startsWith(`${name}: `))
      ?.slice(name.length + 2) ?? ''
  return { ...JSON.parse(field('data')), id: field('id') }
}
