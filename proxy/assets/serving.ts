import { EdgeError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { tellFailure } from '../http/failure-answer.ts'
import type { Answer } from './answer.ts'
import { Content, type KeptFile } from './content.ts'
import type { Memory } from './memory.ts'

/** What goes out at once: a client that takes nothing holds no more than this in memory. */
const pieceBytes = 65_536

export interface ServingOptions {
  readonly answer: Answer
  /** The copy that is sent. */
  readonly file: KeptFile
  readonly memory: Memory
  readonly hsts: string | null
  /** The file cannot be opened; nothing has been answered. */
  onMissing(cause: NodeJS.ErrnoException): void
  /** Called once, unless `onMissing` was. */
  onDone(serving: Serving, failure: EdgeError | null): void
}

/** One request that the edge answers from a file. Everything ends in `#finish`, except for a file that cannot be opened. */
export class Serving {
  readonly exchange: Exchange
  /** When the answer's head went out; null: it never did. */
  answeredMs: number | null = null
  readonly slot = null
  readonly tunnel = null
  readonly #options: ServingOptions
  #isDone = false
  #goOn: () => void = () => {}

  constructor(exchange: Exchange, options: ServingOptions) {
    this.exchange = exchange
    this.#options = options
  }

  start(): void {
    const { exchange } = this
    exchange.onGone = cause => this.#finish(new EdgeError(cause, 'before the answer was complete'))
    exchange.onDrain = () => this.#goOn()
    this.#serve().catch(cause => this.#finish(cause instanceof EdgeError ? cause : broken(cause)))
  }

  async #serve(): Promise<void> {
    const { answer, file, memory, onMissing } = this.#options
    const content = new Content(file, memory)
    try {
      if (answer.bytes > 0) await content.open()
    } catch (cause) {
      await content.close()
      return this.#isDone ? undefined : onMissing(cause as Error)
    }
    try {
      await this.#send(content)
    } finally {
      await content.close()
    }
  }

  async #send(content: Content): Promise<void> {
    if (this.#isDone) return
    const { exchange } = this
    const { answer } = this.#options
    this.#respond()
    const end = answer.from + answer.bytes
    for (let at = answer.from; at < end; ) {
      const length = Math.min(pieceBytes, end - at)
      const isTaken = await this.#write(content, at, length)
      if (this.#isDone) return
      at += length
      if (at === end) break
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#goOn = resolve
      exchange.flush()
      if (!isTaken) {
        content.letGo()
        await promise
      }
      if (this.#isDone) return
    }
    exchange.end()
    this.#finish(null)
  }

  /** On its own, so that who waits for the client does not hold the piece, nor what it is a part of. */
  async #write(content: Content, at: number, length: number): Promise<boolean> {
    const piece = await content.pieceAt(at, length)
    return this.#isDone || this.exchange.write(piece)
  }

  #respond(): void {
    const { answer, hsts } = this.#options
    const headers = [...answer.headers, 'date', new Date().toUTCString(), 'x-request-id', this.exchange.id]
    if (hsts !== null) headers.push('strict-transport-security', hsts)
    this.answeredMs = performance.now()
    this.exchange.respond(answer.status, headers, answer.bytes)
  }

  #finish(failure: EdgeError | null): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#goOn()
    const { hsts, onDone } = this.#options
    if (failure !== null && !this.exchange.isOver) {
      tellFailure(this.exchange, failure.code, this.answeredMs !== null, hsts)
    }
    onDone(this, failure)
  }
}

function broken(cause: Error): EdgeError {
  return new EdgeError('EDGE_INTERNAL', `a kept file: ${cause.stack ?? cause.message}`, cause)
}
