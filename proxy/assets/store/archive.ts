import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EdgeError } from '../../errors.ts'
import { noteGarbage } from '../../garbage.ts'

/** A file of an archive, on disk under a name of our own. */
export interface Unpacked {
  /** Below the archive's one folder. */
  readonly path: string
  readonly hash: string
  readonly bytes: number
  /** Absolute path. */
  readonly file: string
}

/** Most bytes of the archive, heads included, and most entries. */
export interface ArchiveLimits {
  readonly bytes: number
  readonly entries: number
}

const longestPathBytes = 1024

/**
 * Writes the files of a plain tar into the folder `into`, each of them durably. No name of the archive reaches the disk.
 * @throws EdgeError EDGE_ASSETS_REFUSED for anything but files and folders below one folder, and beyond the limits; and
 *   whatever the file system refuses. What has been written by then is for the caller to remove.
 */
export async function unpack(tar: Readable, into: string, limits: ArchiveLimits): Promise<Unpacked[]> {
  // Loaded when a build comes, not at the start: an edge without one needs no tar.
  const { extract } = await import('tar-stream')
  const extraction = extract()
  const contents = new Contents(into, limits)
  let last = Promise.resolve()
  let isOver = false
  extraction.on('entry', (header, body, next) => {
    if (isOver) return
    last = contents.take(header.name, header.type, body as Readable)
    last.then(() => next(), next)
  })
  try {
    await readWhole(tar, extraction, limits.bytes)
    await last
    return contents.files
  } finally {
    isOver = true
    tar.unpipe(extraction)
    extraction.destroy()
    await last.catch(() => {})
  }
}

/** What an archive has brought so far. */
class Contents {
  readonly #into: string
  readonly #limits: ArchiveLimits
  readonly #found = new Map<string, Unpacked>()
  #top: string | null = null
  #entries = 0

  constructor(into: string, limits: ArchiveLimits) {
    this.#into = into
    this.#limits = limits
  }

  get files(): Unpacked[] {
    if (this.#found.size === 0) throw refused('there is no file in it')
    return [...this.#found.values()]
  }

  async take(name: string, type: string | null, body: Readable): Promise<void> {
    if (++this.#entries > this.#limits.entries) throw refused(`more than ${this.#limits.entries} entries`)
    const path = this.#pathOf(name)
    if (type === 'directory') return void body.resume()
    if (type !== 'file') throw refused(`${shown(name)} is a ${type}: only files and folders are taken`)
    if (path === '') throw refused(`${shown(name)} is not below a folder`)
    if (this.#found.has(path)) throw refused(`${shown(name)} is there twice`)
    const file = join(this.#into, String(this.#entries))
    this.#found.set(path, { path, file, ...(await write(body, file)) })
  }

  #pathOf(name: string): string {
    const [top = '', ...segments] = name.replace(/\/$/, '').split('/')
    this.#top ??= top
    const isOutside = top === '' || top === '..' || segments.some(part => part === '' || part === '.' || part === '..')
    if (isOutside) throw refused(`${shown(name)} leads outside`)
    if (/[\\\0-\x1f\x7f]/.test(name)) throw refused(`${shown(name)} has a character that no path may have`)
    if (Buffer.byteLength(name) > longestPathBytes) throw refused(`a name of more than ${longestPathBytes} bytes`)
    if (top !== this.#top) throw refused(`${shown(name)} is not below ${shown(this.#top)}, as the others are`)
    return segments.join('/')
  }
}

async function write(body: Readable, file: string): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk)
      bytes += chunk.length
      noteGarbage(chunk.length)
      yield chunk
    }
  }
  await pipeline(body, counted, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }))
  return { hash: hash.digest('hex'), bytes }
}

/** Not a pipeline: that would close the connection on which the refusal has to go back. */
async function readWhole(tar: Readable, extraction: NodeJS.WritableStream, mostBytes: number): Promise<void> {
  // Of what is over nothing more is heard.
  if (tar.destroyed) throw refused('it broke off')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let bytes = 0
  tar.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > mostBytes) reject(refused(`more than ${mostBytes} bytes`))
  })
  tar.once('error', cause => reject(refused(`it broke off: ${cause.message}`)))
  tar.once('close', () => {
    if (!tar.readableEnded) reject(refused('it broke off'))
  })
  // For good: of a stream that is no tar it says so at each block, and nobody listening would be the end of the edge.
  extraction.on('error', cause => reject(cause instanceof EdgeError ? cause : unreadable(cause)))
  extraction.once('finish', resolve)
  tar.pipe(extraction)
  await promise
}

/** What the file system says of a file goes on as it is. */
function unreadable(cause: NodeJS.ErrnoException): Error {
  return cause.syscall === undefined ? refused(`it is no tar: ${cause.message}`) : cause
}

function refused(detail: string): EdgeError {
  return new EdgeError('EDGE_ASSETS_REFUSED', detail)
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 200))
}
