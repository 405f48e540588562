import { type FileHandle, open } from 'node:fs/promises'
import { EdgeError } from '../errors.ts'
import { noteGarbage } from '../garbage.ts'
import type { Exchange } from '../http/exchange.ts'
import { tellFailure } from '../http/failure-answer.ts'
import type { Answer } from './answer.ts'
import type { Memory } from './memory.ts'

/** What goes out at once: a client that takes nothing holds no more than this in memory. */
const pieceBytes = 65_536
/** Up to here a file is read whole, and remembered. */
const smallBytes = 524_288

export interface ServingOptions {
  readonly answer: Answer
  /** Absolute path of the copy that is sent, and its length. */
  readonly file: { readonly path: string; readonly bytes: number }
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
    const { answer, file, memory } = this.#options
    exchange.onGone = cause => this.#finish(new EdgeError(cause, 'before the answer was complete'))
    exchange.onDrain = () => this.#goOn()
    const content = memory.get(file.path)
    const sending = answer.bytes === 0 || content !== undefined ? this.#send(content ?? Buffer.alloc(0)) : this.#read()
    sending.catch(cause => this.#finish(cause instanceof EdgeError ? cause : broken(cause)))
  }

  async #read(): Promise<void> {
    const { file, memory, onMissing } = this.#options
    let handle: FileHandle
    try {
      handle = await open(file.path)
    } catch (cause) {
      return this.#isDone ? undefined : onMissing(cause as NodeJS.ErrnoException)
    }
    try {
      if (file.bytes > smallBytes) return await this.#send(handle)
      const content = Buffer.allocUnsafeSlow(file.bytes)
      await fill(handle, content, 0)
      memory.keep(file.path, content)
      await this.#send(content)
    } finally {
      await handle.close()
    }
  }

  async #send(from: Buffer | FileHandle): Promise<void> {
    if (this.#isDone) return
    const { exchange } = this
    const { answer } = this.#options
    this.#respond()
    const end = answer.from + answer.bytes
    for (let at = answer.from; at < end; ) {
      const length = Math.min(pieceBytes, end - at)
      const piece = await pieceOf(from, at, length)
      if (this.#isDone) return
      const isTaken = exchange.write(piece)
      at += length
      if (at === end) break
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#goOn = resolve
      exchange.flush()
      if (!isTaken) await promise
      if (this.#isDone) return
    }
    exchange.end()
    this.#finish(null)
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

/** @throws Error when the file ends before */
async function fill(handle: FileHandle, into: Buffer, from: number): Promise<void> {
  for (let have = 0; have < into.length; ) {
    const { bytesRead } = await handle.read(into, have, into.length - have, from + have)
    if (bytesRead === 0) throw new Error(`it ends after ${from + have} bytes`)
    have += bytesRead
  }
}

async function pieceOf(from: Buffer | FileHandle, at: number, length: number): Promise<Buffer> {
  if (Buffer.isBuffer(from)) return from.subarray(at, at + length)
  const piece = Buffer.allocUnsafeSlow(length)
  noteGarbage(length)
  await fill(from, piece, at)
  return piece
}

function broken(cause: Error): EdgeError {
  return new EdgeError('EDGE_INTERNAL', `a kept file: ${cause.stack ?? cause.message}`, cause)
}
