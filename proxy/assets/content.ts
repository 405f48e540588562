import { type FileHandle, open } from 'node:fs/promises'
import { noteGarbage } from '../garbage.ts'
import type { Memory } from './memory.ts'

/** Up to here a file is read whole, and remembered. */
const smallBytes = 524_288

/** One copy of a file on disk, and its length. */
export interface KeptFile {
  /** Absolute path. */
  readonly path: string
  readonly bytes: number
}

/** The bytes of a kept file for one client: from memory while they are there, else from disk. */
export class Content {
  readonly #file: KeptFile
  readonly #memory: Memory
  #whole: Buffer | null = null
  #handle: FileHandle | null = null

  constructor(file: KeptFile, memory: Memory) {
    this.#file = file
    this.#memory = memory
  }

  /** @throws Error when it cannot be opened, or is small and ends too early */
  async open(): Promise<void> {
    const { path, bytes } = this.#file
    this.#whole = this.#memory.get(path) ?? null
    if (this.#whole !== null) return
    this.#handle = await open(path)
    if (bytes > smallBytes) return
    const whole = Buffer.allocUnsafeSlow(bytes)
    await fill(this.#handle, whole, 0)
    await this.close()
    this.#memory.keep(path, whole)
    this.#whole = whole
  }

  /** @throws Error when the file ends before */
  async pieceAt(from: number, length: number): Promise<Buffer> {
    const { path } = this.#file
    const whole = this.#whole ?? this.#memory.get(path)
    if (whole !== undefined) return whole.subarray(from, from + length)
    this.#handle ??= await open(path)
    const piece = Buffer.allocUnsafeSlow(length)
    noteGarbage(length)
    await fill(this.#handle, piece, from)
    return piece
  }

  /** The client is waited for: a thousand that take nothing would each keep half a megabyte that memory has given up. */
  letGo(): void {
    this.#whole = null
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }
}

async function fill(handle: FileHandle, into: Buffer, from: number): Promise<void> {
  for (let have = 0; have < into.length; ) {
    const { bytesRead } = await handle.read(into, have, into.length - have, from + have)
    if (bytesRead === 0) throw new Error(`it ends after ${from + have} bytes`)
    have += bytesRead
  }
}
