import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../../state/state-file.ts'

/** Content codings in which a file may be kept besides as it came (RFC 9110 §8.4.1, RFC 7932, RFC 8878). */
export type Coding = 'br' | 'zstd' | 'gzip'
export const codings: readonly Coding[] = ['br', 'zstd', 'gzip']

/** One content, whatever the paths at which builds have it. */
export interface Blob {
  readonly hash: string
  readonly bytes: number
  /** Bytes of each compressed copy; 0: it was tried, and is not worth it. */
  readonly copies: ReadonlyMap<Coding, number>
}

const nameOf = /^([0-9a-f]{64})(?:\.(br|zstd|gzip))?$/

/** The contents of all builds as `blobs/<sha-256>`, the compressed copies beside them. Nothing in it is ever written over. */
export class Blobs {
  readonly #folder: string
  readonly #known = new Map<string, { hash: string; bytes: number; copies: Map<Coding, number> }>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Reads what is there, and removes what a kill left half-done and what is in no build. @param wanted bytes by hash */
  async load(wanted: ReadonlyMap<string, number>): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const names = (await readdir(this.#folder)).sort() // a content before its copies
    for (const name of names) {
      const [, hash = '', coding] = nameOf.exec(name) ?? []
      const path = join(this.#folder, name)
      const bytes = wanted.has(hash) ? (await stat(path)).size : -1
      if (coding === undefined && bytes !== -1 && bytes === wanted.get(hash)) {
        this.#known.set(hash, { hash, bytes, copies: new Map() })
      } else if (coding !== undefined && this.#known.has(hash))
        this.#known.get(hash)!.copies.set(coding as Coding, bytes)
      else await rm(path, { recursive: true, force: true })
    }
  }

  get(hash: string): Blob | undefined {
    return this.#known.get(hash)
  }

  /** With its copies, in bytes on disk. */
  bytesOf(hash: string): number {
    const blob = this.#known.get(hash)
    return blob === undefined ? 0 : [...blob.copies.values()].reduce((sum, bytes) => sum + bytes, blob.bytes)
  }

  get hashes(): Iterable<string> {
    return this.#known.keys()
  }

  /** Absolute path. */
  pathOf(hash: string, coding: Coding | null): string {
    return join(this.#folder, coding === null ? hash : `${hash}.${coding}`)
  }

  /** Takes a whole file that is durably on the same disk. */
  async adopt(file: string, hash: string, bytes: number): Promise<void> {
    await rename(file, this.pathOf(hash, null))
    this.#known.set(hash, { hash, bytes, copies: new Map() })
  }

  /** The same for a compressed copy. */
  async adoptCopy(file: string, hash: string, { coding, bytes }: { coding: Coding; bytes: number }): Promise<void> {
    await rename(file, this.pathOf(hash, coding))
    const blob = this.#known.get(hash)
    if (blob === undefined) await rm(this.pathOf(hash, coding), { force: true })
    else blob.copies.set(coding, bytes)
  }

  /** Makes what was adopted outlive a power cut. */
  sync(): Promise<void> {
    return syncFolder(this.#folder)
  }

  /** Removes all others. Who reads one of them at this moment reads on. */
  async keepOnly(hashes: ReadonlySet<string>): Promise<void> {
    for (const hash of [...this.#known.keys()].filter(hash => !hashes.has(hash))) await this.remove(hash)
  }

  async remove(hash: string): Promise<void> {
    const blob = this.#known.get(hash)
    this.#known.delete(hash)
    for (const coding of [null, ...(blob?.copies.keys() ?? [])]) await rm(this.pathOf(hash, coding), { force: true })
  }
}
