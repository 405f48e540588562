/** The other side keeps what is not acknowledged: so many bytes, or so long. */
const ACK_BYTES = 65_536
const ACK_MS = 1_000

/** Whose inbox it is. */
export interface InboxOwner {
  /** What has come and nobody has read yet. */
  readonly readableLength: number
  /** All before `offset` was read. @returns false: it cannot be told now */
  acknowledge(offset: number): boolean
}

/** What has come on a line, and how much of that the other side knows to have been read. */
export class Inbox {
  /** Its end counts as one byte more. */
  receivedBytes = 0
  isEnded = false
  readonly #owner: InboxOwner
  #toldBytes = 0
  #timer: NodeJS.Timeout | null = null

  constructor(owner: InboxOwner) {
    this.#owner = owner
  }

  end(): void {
    this.isEnded = true
    this.receivedBytes++
  }

  /** Tells what was read, if that is much, or else soon. */
  look(): void {
    const untold = this.receivedBytes - this.#owner.readableLength - this.#toldBytes
    if (untold >= ACK_BYTES || (this.isEnded && untold > 0)) this.#tell()
    else if (untold > 0) this.#timer ??= setTimeout(() => this.#tell(), ACK_MS).unref()
  }

  /** Over another wire: what was told may have been lost with the last one. */
  renew(): void {
    this.#toldBytes = 0
    this.look()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #tell(): void {
    this.close()
    const offset = this.receivedBytes - this.#owner.readableLength
    if (this.#owner.acknowledge(offset)) this.#toldBytes = offset
  }
}
