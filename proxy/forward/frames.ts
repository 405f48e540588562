const CLOSE = 0x8

/**
 * Follows one direction of a WebSocket by the heads of its frames alone (RFC 6455 §5.2), so that it is known where one
 * ends: only there may another frame come. What is in them, compressed or not, is not looked at.
 */
export class FrameTrail {
  /** Bytes of the payload that are still to come. */
  #left = 0
  /** Bytes of the head so far, and how many it will have. */
  #headBytes = 0
  #headLength = 2
  #size = 0
  #extraBytes = 0
  #hasClosed = false

  /** No frame is under way. */
  get isBetween(): boolean {
    return this.#headBytes === 0 && this.#left === 0
  }

  /** A close frame was the last one: none may follow it. */
  get hasClosed(): boolean {
    return this.#hasClosed
  }

  follow(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at = this.#step(chunk, at)
  }

  /** Follows it as far as the frame that is under way. @returns where that ends; -1: not in this chunk */
  endOfFrame(chunk: Buffer): number {
    for (let at = 0; at < chunk.length; ) {
      at = this.#step(chunk, at)
      if (this.isBetween) return at
    }
    return -1
  }

  #step(chunk: Buffer, at: number): number {
    if (this.#left === 0) {
      this.#takeHead(chunk[at]!)
      return at + 1
    }
    const taken = Math.min(this.#left, chunk.length - at)
    this.#left -= taken
    return at + taken
  }

  #takeHead(byte: number): void {
    const index = this.#headBytes++
    if (index === 0) {
      if ((byte & 0xf) === CLOSE) this.#hasClosed = true
      return
    }
    if (index === 1) {
      const short = byte & 0x7f
      this.#extraBytes = short === 126 ? 2 : short === 127 ? 8 : 0
      this.#size = this.#extraBytes === 0 ? short : 0
      this.#headLength = 2 + this.#extraBytes + ((byte & 0x80) === 0 ? 0 : 4)
    } else if (index < 2 + this.#extraBytes) this.#size = this.#size * 256 + byte
    if (this.#headBytes < this.#headLength) return
    this.#left = this.#size
    this.#headBytes = 0
  }
}
