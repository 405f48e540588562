import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { plainLayer } from '../../image/saved.ts'
import type { Pieces } from './pieces.ts'
import { type PackedLayer, pieceBytes } from './protocol.ts'

const decompress = promisify(zstdDecompress)

/** A layer's plain tar, from wherever it is: pieces, or a file. */
export interface LayerSource {
  readonly bytes: number
  open(): Readable
}

/**
 * Looks at every byte of it: the diff id is the hash of the plain tar.
 * @returns null when a piece is missing or the whole is not what it should be; then what is broken has been removed
 */
export async function sourceOf(packed: PackedLayer, pieces: Pieces): Promise<LayerSource | null> {
  const open = (): Readable => Readable.from(plainPieces(packed, pieces))
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of open()) {
      hash.update(chunk)
      bytes += chunk.length
    }
    if (bytes === packed.bytes && `sha256:${hash.digest('hex')}` === packed.diffId) return { bytes, open }
  } catch {
    // A piece that is missing, or was spoilt on the disk.
  }
  await pieces.remove(await spoiltOf(packed, pieces))
  return null
}

/**
 * Those that the disk has spoilt; all, if each is what it should be and they are not the layer. What is not here may be
 * about to come from another laptop.
 */
async function spoiltOf({ pieces: all }: PackedLayer, pieces: Pieces): Promise<string[]> {
  const spoilt: string[] = []
  let isAll = true
  for (const { hash } of all) {
    const content = await pieces.read(hash).catch(() => null)
    isAll &&= content !== null
    if (content !== null && createHash('sha256').update(content).digest('hex') !== hash) spoilt.push(hash)
  }
  return isAll && spoilt.length === 0 ? all.map(({ hash }) => hash) : spoilt
}

/** The same of a layer that `docker save` has written. */
export async function savedSourceOf(diffId: string, file: string): Promise<LayerSource | null> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of await plainLayer(file)) {
    hash.update(chunk)
    bytes += chunk.length
  }
  if (`sha256:${hash.digest('hex')}` !== diffId) return null
  const isPlain = (await stat(file)).size === bytes
  return { bytes, open: () => (isPlain ? createReadStream(file) : Readable.from(decoded(file))) }
}

async function* decoded(file: string): AsyncGenerator<Buffer> {
  for await (const chunk of await plainLayer(file)) yield chunk
}

async function* plainPieces(packed: PackedLayer, pieces: Pieces): AsyncGenerator<Buffer> {
  for (const { hash } of packed.pieces) {
    // No more than a piece can hold, whatever it says that it holds.
    yield await decompress(await pieces.read(hash), { maxOutputLength: pieceBytes })
  }
}
