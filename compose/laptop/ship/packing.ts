import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import { EdgeError } from '../../../proxy/errors.ts'
import { dockerSave, type Saving } from '../../image/docker.ts'
import { plainLayer, type SavedLayer, unpackSaved } from '../../image/saved.ts'
import { type Bundle, type PackedLayer, type Piece, pieceBytes } from '../../server/ship/protocol.ts'

const compress = promisify(zstdCompress)
/** Higher ones take three times as long for 1 % less. The same bytes come out of it every time: a ship begun is gone on with. */
const params = { [constants.ZSTD_c_compressionLevel]: 9, [constants.ZSTD_c_checksumFlag]: 0 }
/** As many at a time as Node has threads for it. */
const abreast = 4
const prefix = 'te-ship-'
const leftOverMs = 24 * 3_600_000

interface Packed {
  readonly reference: string
  readonly diffIds: readonly string[]
  readonly save: Save
}

/** How an image comes out of the engine that has it. @throws EdgeError as dockerSave does, and SSH_* */
export type Save = (reference: string) => Saving | Promise<Saving>

/** An image of an engine, layer by layer as it is needed, in a folder that goes with it. */
export class Packing {
  readonly #reference: string
  readonly #diffIds: readonly string[]
  readonly #folder: string
  readonly #save: Save
  readonly #packed = new Map<string, PackedLayer>()
  #config = ''

  private constructor({ reference, diffIds, save }: Packed, folder: string) {
    this.#reference = reference
    this.#diffIds = diffIds
    this.#save = save
    this.#folder = folder
  }

  /** @param save of this laptop's engine, unless told */
  static async open(reference: string, diffIds: readonly string[], save: Save = dockerSave): Promise<Packing> {
    await removeLeftovers(Date.now())
    return new Packing({ reference, diffIds, save }, await mkdtemp(join(tmpdir(), prefix)))
  }

  /**
   * @param wanted diff ids; what has been packed stays in the bundle
   * @throws EdgeError SHIP_IMAGE_MISSING, SHIP_CORRUPT, SHIP_DISK_FULL, COMPOSE_ENGINE_UNREACHABLE
   */
  async bundle(wanted: readonly string[]): Promise<Bundle> {
    try {
      return await this.#bundle(wanted)
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOSPC' || code === 'EDQUOT')
        throw new EdgeError('SHIP_DISK_FULL', `this laptop: ${message}`, cause)
      throw cause
    }
  }

  async #bundle(wanted: readonly string[]): Promise<Bundle> {
    const missing = new Set(wanted.filter(diffId => !this.#packed.has(diffId)))
    if (missing.size > 0 || this.#config === '') {
      const { archive, ended } = await this.#save(this.#reference)
      const folder = await mkdtemp(join(this.#folder, 'saved-'))
      const leftOut = new Set(this.#diffIds.filter(diffId => !missing.has(diffId)))
      const [saved] = await Promise.all([unpackSaved(archive, folder, leftOut), ended])
      this.#config = saved.config.toString('base64')
      for (const layer of saved.layers) {
        if (missing.delete(layer.diffId)) this.#packed.set(layer.diffId, await this.#pack(layer))
      }
      await rm(folder, { recursive: true, force: true })
    }
    return { config: this.#config, layers: [...this.#packed.values()] }
  }

  read({ hash }: Piece): Promise<Buffer> {
    return readFile(join(this.#folder, hash))
  }

  /** Whoever does not wait for a bundle any more may find it still writing. */
  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }

  async #pack({ diffId, file }: SavedLayer): Promise<PackedLayer> {
    if (file === null) throw new EdgeError('SHIP_CORRUPT', `docker save ${this.#reference} left out ${diffId}`)
    const whole = createHash('sha256')
    const pieces: Promise<Piece>[] = []
    let bytes = 0
    for await (const plain of cut(await plainLayer(file))) {
      whole.update(plain)
      bytes += plain.length
      const piece = this.#write(plain)
      piece.catch(() => {}) // it is told below
      pieces.push(piece)
      if (pieces.length >= abreast) await pieces[pieces.length - abreast]
    }
    if (`sha256:${whole.digest('hex')}` !== diffId) {
      throw new EdgeError('SHIP_CORRUPT', `docker save ${this.#reference} wrote other bytes than ${diffId}`)
    }
    return { diffId, bytes, pieces: await Promise.all(pieces) }
  }

  async #write(plain: Buffer): Promise<Piece> {
    const content = await compress(plain, { params })
    const hash = createHash('sha256').update(content).digest('hex')
    await writeFile(join(this.#folder, hash), content, { mode: 0o600 })
    return { hash, bytes: content.length }
  }
}

async function* cut(plain: Readable): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of plain as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes < pieceBytes) continue
    const all = Buffer.concat(chunks)
    let at = 0
    for (; all.length - at >= pieceBytes; at += pieceBytes) yield all.subarray(at, at + pieceBytes)
    chunks = [all.subarray(at)]
    bytes = all.length - at
  }
  if (bytes > 0) yield Buffer.concat(chunks)
}

/** Of processes that were killed. */
async function removeLeftovers(now: number): Promise<void> {
  const names = (await readdir(tmpdir())).filter(name => name.startsWith(prefix))
  for (const name of names) {
    const folder = join(tmpdir(), name)
    const age = await stat(folder).then(
      ({ mtimeMs }) => now - mtimeMs,
      () => 0
    )
    // Somebody else's may not be removed, and is theirs to remove.
    if (age > leftOverMs) await rm(folder, { recursive: true, force: true }).catch(() => {})
  }
}
