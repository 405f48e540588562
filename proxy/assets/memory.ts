/** Small files that were asked for lately, so that most requests touch no disk. */
export class Memory {
  readonly #mostBytes: number
  /** In the order of their last use. */
  readonly #kept = new Map<string, Buffer>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Buffer | undefined {
    const content = this.#kept.get(key)
    if (content === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, content)
    return content
  }

  /** Contents never change, so one that is there already is the same. */
  keep(key: string, content: Buffer): void {
    if (this.#kept.has(key) || content.length > this.#mostBytes) return
    this.#kept.set(key, content)
    this.#bytes += content.length
    for (const [oldest, { length }] of this.#kept) {
      if (this.#bytes <= this.#mostBytes) break
      this.#kept.delete(oldest)
      this.#bytes -= length
    }
  }
}
