import { EdgeError, type FailureCode } from '../errors.ts'
import type { RawHeaders } from './exchange.ts'
import { allowedTrailers, parseFields } from './fields.ts'
import type { Framing } from './response-head.ts'

const CR = 0x0d
const LF = 0x0a
const LONGEST_SIZE_LINE = 256
const LONGEST_TRAILERS = 16_384

export interface BodyReaderTarget {
  onBodyData(chunk: Buffer): void
  onBodyEnd(trailers: RawHeaders): void
}

type State = 'size' | 'data' | 'after-data' | 'trailers' | 'done'

/** Takes the bytes of one body out of a connection, by its framing (RFC 9112 §6 and §7), as strictly as heads are read. */
export class BodyReader {
  readonly #framing: Framing
  readonly #target: BodyReaderTarget
  readonly #code: FailureCode
  #state: State
  #left: number
  #line = ''

  /** @param code what a violation is called: the client's fault or the upstream's */
  constructor(framing: Framing, length: number, target: BodyReaderTarget, code: FailureCode) {
    this.#framing = framing
    this.#target = target
    this.#code = code
    this.#left = framing === 'close' ? Number.POSITIVE_INFINITY : length
    this.#state = framing === 'chunked' ? 'size' : 'data'
  }

  get isDone(): boolean {
    return this.#state === 'done'
  }

  /**
   * @returns how many bytes of `bytes` belonged to this body
   * @throws EdgeError when the framing is violated
   */
  push(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && this.#state !== 'done') {
      at = this.#state === 'data' ? this.#takeData(bytes, at) : this.#takeLine(bytes, at)
    }
    return at
  }

  #takeData(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left)
    this.#left -= to - from
    this.#target.onBodyData(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
    if (this.#left === 0) {
      if (this.#framing === 'chunked') this.#state = 'after-data'
      else this.#finish([])
    }
    return to
  }

  /** Everything but data is lines; a line may come in pieces. */
  #takeLine(bytes: Buffer, from: number): number {
    const lf = bytes.indexOf(LF, from)
    const to = lf === -1 ? bytes.length : lf + 1
    const isWholeInOne = lf !== -1 && this.#line === ''
    const line = isWholeInOne ? bytes.toString('latin1', from, to) : this.#line + bytes.toString('latin1', from, to)
    if (line.length > (this.#state === 'trailers' ? LONGEST_TRAILERS : LONGEST_SIZE_LINE))
      throw this.#malformed('a line is too long')
    // Told at its first byte: without a line end in sight it would be waited for.
    if (this.#state === 'after-data' && !'\r\n'.startsWith(line))
      throw this.#malformed('a chunk is longer than its size')
    if (lf === -1) {
      this.#line = line
      return to
    }
    if (line.charCodeAt(line.length - 2) !== CR) throw this.#malformed('a line ends in a bare LF')
    this.#line = ''
    this.#onLine(line)
    return to
  }

  #onLine(line: string): void {
    if (this.#state === 'after-data') {
      this.#state = 'size'
    } else if (this.#state === 'size') {
      this.#onSize(line)
    } else if (line.endsWith('\r\n\r\n') || line === '\r\n') {
      this.#finish(line === '\r\n' ? [] : allowedTrailers(parseFields(line.slice(0, -4), 0, this.#code)))
    } else {
      this.#line = line
    }
  }

  #onSize(line: string): void {
    // Extensions are allowed and dropped; what is not hexadecimal, or too large to be exact, is not (RFC 9112 §7.1).
    const size = /^([0-9a-fA-F]{1,12})(?:[ \t]*;[\t -~\x80-\xff]*)?\r\n$/.exec(line)
    if (size === null) throw this.#malformed('a chunk size')
    this.#left = Number.parseInt(size[1]!, 16)
    this.#state = this.#left === 0 ? 'trailers' : 'data'
  }

  #finish(trailers: RawHeaders): void {
    this.#state = 'done'
    this.#target.onBodyEnd(trailers)
  }

  #malformed(what: string): EdgeError {
    return new EdgeError(this.#code, what)
  }
}
