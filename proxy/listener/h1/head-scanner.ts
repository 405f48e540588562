import { EdgeError } from '../../errors.ts'

const LF = 0x0a
const HEAD_END = Buffer.from('\r\n\r\n')

/** A head that is complete. */
export interface FoundHead {
  /** From the request line to before the empty line, one latin1 character per byte. */
  readonly text: string
  /** Where what follows the head begins. */
  readonly end: number
}

/** Finds the end of a request head in bytes that come in pieces; each byte is looked at once, however small the pieces. */
export class HeadScanner {
  #scanned = 0

  /**
   * @param bytes all that came since the last head, the pieces of earlier calls first
   * @returns null while the end is not there
   * @throws EdgeError when the head is too large, or can never end
   */
  scan(bytes: Buffer, limitBytes: number): FoundHead | null {
    // One empty line before the request line is forgiven (RFC 9112 §2.2).
    const from = bytes[0] === 0x0d && bytes[1] === 0x0a ? 2 : 0
    const again = Math.max(from, this.#scanned - 3)
    const end = bytes.indexOf(HEAD_END, again)
    if ((end === -1 ? bytes.length : end) - from > limitBytes) {
      throw new EdgeError('EDGE_HEAD_TOO_LARGE', `more than ${limitBytes} bytes`)
    }
    this.#scanned = end === -1 ? bytes.length : 0
    if (end !== -1) return { text: bytes.toString('latin1', from, end), end: end + 4 }
    // Without this, a head with bare LFs would be waited for until its deadline.
    // Seen before, and so good: an LF whose CR lies before the place where looking starts again.
    const isOld = again > from && bytes[again] === LF
    if (/(?:^|[^\r])\n|\r[^\n]/.test(bytes.toString('latin1', isOld ? again + 1 : again))) {
      throw new EdgeError('EDGE_REQUEST_MALFORMED', 'a bare CR or LF')
    }
    return null
  }
}
