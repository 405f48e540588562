import { createReadStream, createWriteStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { basename, dirname, join, posix } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { extract } from 'tar-stream'
import { EdgeError } from '../../proxy/errors.ts'

/** An image out of `docker save`, unpacked to a folder. */
export interface SavedImage {
  /** Its configuration as it is: the digest of these bytes is the image's id. */
  readonly config: Buffer
  /** The lowest first; one that was left out has no file. */
  readonly layers: readonly SavedLayer[]
}

export interface SavedLayer {
  readonly diffId: string
  /** As the engine keeps it, which may be compressed: see `plainLayer`. */
  readonly file: string | null
}

interface Manifest {
  readonly Config: string
  readonly Layers: readonly string[]
}

/**
 * Unpacks what `docker save` writes: of any engine, in either of its two layouts.
 * @param folder empty, for the files
 * @param leftOut diff ids that need not be written; where an engine names layers otherwise, they are all the same
 */
export async function unpackSaved(
  archive: Readable,
  folder: string,
  leftOut: ReadonlySet<string>
): Promise<SavedImage> {
  const places = new Map<string, string>()
  const links = new Map<string, string>()
  const tar = extract()
  tar.on('entry', ({ name, type, linkname }, content, next) => {
    if (type === 'symlink' && linkname) links.set(name, posix.join(dirname(name), linkname))
    if (type !== 'file' || leftOut.has(`sha256:${basename(name)}`)) {
      content.on('end', next).resume()
      return
    }
    const place = join(folder, String(places.size))
    places.set(name, place)
    pipeline(content, createWriteStream(place, { mode: 0o600 })).then(next, next)
  })
  await pipeline(archive, tar)
  const fileOf = (name: string): string | null => places.get(links.get(name) ?? name) ?? null
  return readManifest(fileOf)
}

async function readManifest(fileOf: (name: string) => string | null): Promise<SavedImage> {
  const read = async (name: string): Promise<Buffer> => {
    const file = fileOf(name)
    if (file === null) throw new EdgeError('SHIP_CORRUPT', `docker save wrote no ${name}`)
    return await readFile(file)
  }
  // Several when a build made attestations, or images for several machines, of which the first is this one's.
  const [manifest] = JSON.parse((await read('manifest.json')).toString()) as Manifest[]
  if (manifest === undefined) throw new EdgeError('SHIP_CORRUPT', 'docker save wrote an empty manifest.json')
  const config = await read(manifest.Config)
  const { rootfs } = JSON.parse(config.toString()) as { rootfs: { diff_ids: string[] } }
  const layers = rootfs.diff_ids.map((diffId, at) => ({ diffId, file: fileOf(manifest.Layers[at] ?? '') }))
  return { config, layers }
}

/** A layer's plain tar, of which the diff id is the hash. */
export async function plainLayer(file: string): Promise<Readable> {
  const handle = await open(file)
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0).finally(() => handle.close())
  const decoder = { '1f8b': createGunzip, '28b5': createZstdDecompress }[buffer.toString('hex', 0, 2)]
  const content = createReadStream(file)
  if (decoder === undefined) return content
  const plain = decoder()
  content.on('error', cause => plain.destroy(cause))
  return content.pipe(plain)
}
