import { createHash } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isProcessGone } from '../../record/lock.ts'
import type { Shipped } from '../deploy/records.ts'
import type { Looked, Piece } from '../ship/protocol.ts'

/** Another may be sent by the same name: it has a note of its own. */
type Image = Pick<Looked, 'reference' | 'fingerprint'>

interface Note {
  readonly reference: string
  readonly pieces: readonly Piece[]
}

/** Whose these pieces are, for who wonders what they are: they have no name of their own. @param folder of the pieces */
export async function noteShipping(folder: string, image: Image, pieces: readonly Piece[]): Promise<void> {
  const note: Note = { reference: image.reference, pieces: pieces.map(({ hash, bytes }) => ({ hash, bytes })) }
  await writeFile(noteOf(folder, image), JSON.stringify(note), { mode: 0o600 })
}

export async function forgetShipping(folder: string, image: Image): Promise<void> {
  await rm(noteOf(folder, image), { force: true })
}

/** From its first piece until it is loaded, or has no room: by whichever receiver. */
export function isShipping(folder: string, image: Image): Promise<boolean> {
  return stat(noteOf(folder, image)).then(
    () => true,
    () => false
  )
}

/** What has come of images that the engine has not been given; none of those of which nothing is left. */
export async function listShipped(folder: string): Promise<Shipped[]> {
  const names = await readdir(folder).catch(() => [])
  const sizes = new Map<string, number>()
  for (const name of names) {
    const { size } = await stat(join(folder, name)).catch(() => ({ size: 0 }))
    const [hash = ''] = name.split('.')
    // Of a piece that several laptops send there are several parts.
    sizes.set(hash, Math.max(size, sizes.get(hash) ?? 0))
  }
  const coming = new Set((await Promise.all(names.map(name => claimedBy(folder, name)))).flat())
  const notes = await Promise.all(names.filter(name => isNote.test(name)).map(name => read<Note>(join(folder, name))))
  const shipped = notes.flatMap(note => {
    if (note === null) return []
    const bytes = note.pieces.reduce((sum, piece) => sum + Math.min(sizes.get(piece.hash) ?? 0, piece.bytes), 0)
    const total = note.pieces.reduce((sum, piece) => sum + piece.bytes, 0)
    return [{ reference: note.reference, bytes, total, isComing: note.pieces.some(({ hash }) => coming.has(hash)) }]
  })
  return shipped.filter(({ bytes }) => bytes > 0)
}

const isNote = /^image-\w+\.json$/

function noteOf(folder: string, { reference, fingerprint }: Image): string {
  const name = createHash('sha256').update(`${reference} ${fingerprint}`).digest('hex').slice(0, 12)
  return join(folder, `image-${name}.json`)
}

/** What a receiver that lives has said that it waits for. */
async function claimedBy(folder: string, name: string): Promise<readonly string[]> {
  const [, pid] = /^visit-(\d+)-/.exec(name) ?? []
  if (pid === undefined || isProcessGone(Number(pid))) return []
  return (await read<{ readonly hashes: readonly string[] }>(join(folder, name, 'pieces.json')))?.hashes ?? []
}

async function read<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch {
    return null // it is being written, or is gone
  }
}
