import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Blobs, type Coding, codings } from './blobs.ts'

/** Smaller ones fit into the packet that answers anyhow. */
const leastBytes = 1024
/** A copy that saves less is not worth its place, nor the client's work. */
const worthwhile = 0.95

/** What the process that compresses is asked: paths, and the length of the file. */
export interface Job {
  readonly from: string
  readonly to: string
  readonly coding: Coding
  readonly bytes: number
  /** A longer copy is not worth it: then `to` is empty, which says that it was tried. */
  readonly mostBytes: number
}

/** Bytes of the copy, or why there is none. */
export type Outcome = { readonly bytes: number } | { readonly failure: string }

/**
 * Makes the compressed copies, one after another, in a process of its own: it takes the processor only while nobody else
 * wants it, and gives back its memory (100 MB after a build of 12 MB, in this process). What a stop leaves undone the next
 * start does.
 */
export class Compression {
  readonly #blobs: Blobs
  readonly #warn: (message: string) => void
  readonly #waiting = new Set<string>()
  #running: Promise<void> | null = null
  #child: ChildProcess | null = null
  #isStopping = false

  constructor(blobs: Blobs, warn: (message: string) => void) {
    this.#blobs = blobs
    this.#warn = warn
  }

  /** @param hashes of contents for which compression is worth trying, the most wanted first */
  want(hashes: Iterable<string>): void {
    for (const hash of hashes) this.#waiting.add(hash)
    this.#running ??= this.#run()
  }

  /** Until there is nothing left to do. */
  async idle(): Promise<void> {
    await this.#running
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#child?.kill('SIGKILL')
    await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve() // with nothing to do, it would end before it is known to run
    try {
      for (const hash of this.#waiting) {
        this.#waiting.delete(hash)
        for (const coding of codings) if (!this.#isStopping) await this.#copy(hash, coding)
      }
    } catch (cause) {
      // A full disk, most likely. The files are served as they came.
      if (!this.#isStopping) this.#warn(`files stay uncompressed: ${(cause as Error).message}`)
      this.#waiting.clear()
    }
    this.#child?.kill('SIGKILL')
    this.#child = null
    this.#running = null
  }

  async #copy(hash: string, coding: Coding): Promise<void> {
    const blob = this.#blobs.get(hash)
    if (blob === undefined || blob.bytes < leastBytes || blob.copies.has(coding)) return
    const { bytes } = blob
    const from = this.#blobs.pathOf(hash, null)
    const half = `${this.#blobs.pathOf(hash, coding)}.tmp`
    try {
      const made = await this.#ask({ from, to: half, coding, bytes, mostBytes: Math.floor(bytes * worthwhile) })
      await this.#blobs.adoptCopy(half, hash, { coding, bytes: made })
    } finally {
      await rm(half, { force: true })
    }
  }

  async #ask(job: Job): Promise<number> {
    this.#child ??= startChild()
    const child = this.#child
    const over = new AbortController()
    const answered = once(child, 'message', over)
    const gone = once(child, 'exit', over).then(([code, signal]) => {
      throw new Error(`the process that compresses ended: ${signal ?? code}`)
    })
    try {
      child.send(job)
      const [outcome] = (await Promise.race([answered, gone])) as [Outcome]
      if ('failure' in outcome) throw new Error(outcome.failure)
      return outcome.bytes
    } finally {
      over.abort()
      // Whoever lost the race hears of it as an abort.
      await Promise.allSettled([answered, gone])
    }
  }
}

function startChild(): ChildProcess {
  // Loaders and flags are this process's own affair, and so is a terminal's Ctrl-C.
  const { NODE_OPTIONS: _, ...env } = process.env
  const options = { env, execArgv: [], detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] as const }
  const child = fork(join(import.meta.dirname, 'compression-process.ts'), [], { ...options, stdio: [...options.stdio] })
  child.on('error', () => {}) // `#ask` hears of it too; between two jobs nobody would
  return child
}
