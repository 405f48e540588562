import { EdgeError } from '../errors.ts'
import { BodyReader, type BodyReaderTarget } from '../http/body-reader.ts'
import type { RawHeaders } from '../http/exchange.ts'
import { parseResponseHead, type ResponseHead } from '../http/response-head.ts'

const LARGEST_HEAD_BYTES = 65_536
/** Nobody reads them in pace with anything; a page has one or two. */
const MOST_INTERIMS = 16
const HEAD_END = Buffer.from('\r\n\r\n')

/** Who gets the answer to a request. Chunks are valid until `onReadEnd()` only: the buffer is read into again after it. */
export interface ResponseReceiver {
  onInform(status: number, headers: RawHeaders): void
  onHead(head: ResponseHead): void
  onBodyData(chunk: Buffer): void
  onBodyEnd(trailers: RawHeaders): void
  /** 101: from here on the connection is a tunnel and its bytes come as `onBodyData`; `rest` came behind the head. */
  onUpgrade(head: ResponseHead, rest: Buffer): void
  onReadEnd(): void
  /** The connection takes request bytes again. */
  onWritable(): void
  /** @param isUnanswered nothing came before it failed, on a connection that had been used before */
  onFailure(error: EdgeError, isUnanswered: boolean): void
}

/** Reads the one answer to one request out of a connection's bytes. */
export class ResponseReader implements BodyReaderTarget {
  /** The final answer's head, once it is there. */
  head: ResponseHead | null = null
  /** A byte of an answer has come. */
  hasBegun = false
  isDone = false
  readonly #method: string
  readonly #receiver: ResponseReceiver
  #pending: Buffer | null = null
  #interims = 0
  #body: BodyReader | null = null

  constructor(method: string, receiver: ResponseReceiver) {
    this.#method = method
    this.#receiver = receiver
  }

  /**
   * @returns how many bytes came behind the end of the answer
   * @throws EdgeError EDGE_UPSTREAM_MALFORMED
   */
  push(bytes: Buffer): number {
    this.hasBegun = true
    if (this.#body !== null) return bytes.length - this.#body.push(bytes)
    if (this.head?.status === 101) {
      this.#receiver.onBodyData(bytes)
      return 0
    }
    const all = this.#pending === null ? bytes : Buffer.concat([this.#pending, bytes])
    const end = all.indexOf(HEAD_END)
    if (end === -1 ? all.length > LARGEST_HEAD_BYTES : end > LARGEST_HEAD_BYTES) {
      throw malformed('the head is too large')
    }
    // A copy: the bytes are overwritten by the next read.
    this.#pending = end === -1 ? Buffer.from(all) : null
    if (end === -1) {
      refuseEarly(all.toString('latin1'))
      return 0
    }
    return this.#onHead(parseResponseHead(all.toString('latin1', 0, end), this.#method), all.subarray(end + 4))
  }

  /** The upstream closed. @returns true when that is how this answer ends */
  finishAtClose(): boolean {
    if (this.head?.framing !== 'close' || this.isDone) return false
    this.onBodyEnd([])
    return true
  }

  onBodyData(chunk: Buffer): void {
    this.#receiver.onBodyData(chunk)
  }

  onBodyEnd(trailers: RawHeaders): void {
    this.isDone = true
    this.#receiver.onBodyEnd(trailers)
  }

  #inform({ status, headers }: ResponseHead): void {
    if (++this.#interims > MOST_INTERIMS) throw malformed('too many interim answers')
    // 100 is ours to answer, and was.
    if (status !== 100) this.#receiver.onInform(status, withoutLength(headers))
  }

  #onHead(head: ResponseHead, rest: Buffer): number {
    if (head.status < 200 && head.status !== 101) {
      this.#inform(head)
      return rest.length === 0 ? 0 : this.push(rest)
    }
    this.head = head
    if (head.status === 101) {
      this.#receiver.onUpgrade(head, Buffer.from(rest))
      return 0
    }
    const isEmpty = head.framing === 'none' || (head.framing === 'length' && head.bodyLength === 0)
    if (!isEmpty) this.#body = new BodyReader(head.framing, head.bodyLength, this, 'EDGE_UPSTREAM_MALFORMED')
    this.#receiver.onHead(head)
    if (this.#body === null) {
      this.onBodyEnd([])
      return rest.length
    }
    return rest.length === 0 ? 0 : rest.length - this.#body.push(rest)
  }
}

/** What can never become a head is not waited for until the route's idle time is over: another protocol, bare LFs. */
function refuseEarly(text: string): void {
  if (!text.startsWith('HTTP/1.'.slice(0, text.length))) throw malformed('not HTTP/1')
  if (/(?:^|[^\r])\n/.test(text)) throw malformed('a line ends in a bare LF')
}

/** RFC 9110 §8.6: an interim answer has no length; HTTP/2 clients refuse one that has. */
function withoutLength(headers: RawHeaders): RawHeaders {
  return headers.filter((_, i) => headers[i - (i % 2)] !== 'content-length')
}

function malformed(what: string): EdgeError {
  return new EdgeError('EDGE_UPSTREAM_MALFORMED', what)
}
