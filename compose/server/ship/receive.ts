import type { Readable, Writable } from 'node:stream'
import { EdgeError } from '../../../proxy/errors.ts'
import { docker, knownMs } from '../../image/docker.ts'
import { forgetShipping, isShipping, noteShipping } from '../look/shipped.ts'
import { Frames } from './frames.ts'
import { type Inventory, imagesWith, layersHeld, layersToLoad, takeInventory } from './inventory.ts'
import { loadImage } from './load.ts'
import { Pieces } from './pieces.ts'
import {
  type Bundle,
  type Found,
  type Heard,
  hereMs,
  type Looked,
  mostPieceBytes,
  type Piece,
  type Sent,
  silenceMs
} from './protocol.ts'
import { raiseFull, requireRoom } from './room.ts'

/** One laptop's image, as far as it has come. */
interface Visit {
  readonly pieces: Pieces
  readonly frames: Frames
  say(heard: Heard): void
  looked: Looked | null
  inventory: Inventory | null
  bundle: Bundle | null
  /** Of its pieces, by their hashes. */
  sizes: ReadonlyMap<string, number>
  at: number
  /** Whose its pieces are is written down, as soon as there are any. */
  isNoted: boolean
  /** It had been, by another visit, when this one looked. */
  wasNoted: boolean
}

/**
 * Takes an image from a laptop: pieces to the folder, then all of it to the engine.
 * @param folder of the pieces; others may be using it too
 * @param patience of how long the laptop may be silent, and how often it is told that we are here
 * @returns when the laptop has gone, or says nothing any more, or has been told of a failure
 */
export async function receive(
  input: Readable,
  output: Writable,
  folder: string,
  patience = { silenceMs, hereMs }
): Promise<void> {
  output.on('error', () => {}) // the laptop is gone: so is its input
  const say = (heard: Heard): void => void output.write(`${JSON.stringify(heard)}\n`)
  const visit: Visit = {
    ...{ pieces: new Pieces(folder, Date.now), frames: new Frames(input, patience.silenceMs), say },
    ...{ looked: null, inventory: null, bundle: null, sizes: new Map<string, number>() },
    ...{ at: 0, isNoted: false, wasNoted: false }
  }
  try {
    await visit.pieces.open()
    for (let line = await visit.frames.line(); line !== null; line = await visit.frames.line()) {
      await heed(visit, JSON.parse(line) as Sent, patience.hereMs)
    }
  } catch (cause) {
    const failure = failureOf(cause)
    // Of an image that has no room here, nothing takes room any longer.
    if (failure.code === 'SHIP_DISK_FULL') await clear(visit)
    say({ failure: { code: failure.code, detail: failure.detail } })
  } finally {
    await leave(visit).catch(() => {}) // then they go when they are old
    await visit.pieces.close()
    input.destroy() // else this process would wait for what comes of it
  }
}

function failureOf(cause: unknown): EdgeError {
  if (cause instanceof EdgeError) return cause
  const isFull = ['ENOSPC', 'EDQUOT'].includes((cause as NodeJS.ErrnoException).code ?? '')
  return new EdgeError(isFull ? 'SHIP_DISK_FULL' : 'SHIP_LOAD_REFUSED', String(cause), cause)
}

async function heed(visit: Visit, sent: Sent, hereMs: number): Promise<void> {
  // Of a piece, what has come is told all the time.
  if ('piece' in sent) return take(visit, sent)
  const here = setInterval(() => visit.say({ here: true }), hereMs)
  try {
    if ('look' in sent) visit.say({ found: await look(visit, sent.look) })
    else if ('begin' in sent) visit.say(await begin(visit, sent))
    else if ('load' in sent) await load(visit)
  } finally {
    clearInterval(here)
  }
}

async function look(visit: Visit, looked: Looked): Promise<Found> {
  visit.wasNoted = await isShipping(visit.pieces.folder, looked)
  const inventory = await takeInventory()
  Object.assign(visit, { looked, inventory })
  const { platform, images } = inventory
  const id = images.find(image => image.fingerprint === looked.fingerprint)?.id ?? null
  if (id !== null) await docker(['tag', id, looked.reference], { withinMs: knownMs })
  return { id, platform, diffIds: layersHeld(inventory, looked.diffIds) }
}

async function begin(
  visit: Visit,
  { begin: bundle, by }: Extract<Sent, { begin: Bundle }>
): Promise<Extract<Heard, { kept: unknown } | { loaded: string }>> {
  const all = piecesOf(bundle)
  if (!all.every(isPiece)) throw new EdgeError('SHIP_REFUSED', 'no piece is like one that was announced')
  visit.bundle = bundle
  visit.sizes = new Map(all.map(({ hash, bytes }) => [hash, bytes]))
  await visit.pieces.claim(all, by)
  const kept = await visit.pieces.kept(all)
  const id = await loadedMeanwhile(visit)
  if (id !== null) return { loaded: id }
  const missing = all.reduce((sum, { hash, bytes }) => sum + bytes - (kept[hash] ?? 0), 0)
  const plain = bundle.layers.reduce((sum, layer) => sum + layer.bytes, 0)
  await requireRoom(visit.pieces.folder, missing + savedBytes(visit, bundle), visit.inventory?.folder ?? '', plain)
  return { kept }
}

/**
 * The receiver of a line that was cut may have loaded all of it since this one looked, and cleared its pieces: they would
 * be sent again. It forgets whose they are before it removes them.
 */
async function loadedMeanwhile(visit: Visit): Promise<string | null> {
  const { looked, wasNoted, pieces } = visit
  if (looked === null || !wasNoted || (await isShipping(pieces.folder, looked))) return null
  return (await look(visit, looked)).id
}

/** Of layers that are here, and go into the archive all the same; at the most. */
function savedBytes({ inventory, looked }: Visit, { layers }: Bundle): number {
  if (inventory === null || looked === null) return 0
  const toLoad = layersToLoad(inventory, looked.diffIds).filter(
    diffId => !layers.some(layer => layer.diffId === diffId)
  )
  return imagesWith(inventory, toLoad).reduce((sum, { image }) => sum + image.bytes, 0)
}

function isPiece({ hash, bytes }: Piece): boolean {
  return /^[0-9a-f]{64}$/.test(hash) && Number.isSafeInteger(bytes) && bytes > 0 && bytes <= mostPieceBytes
}

async function take(visit: Visit, { piece: hash, from, bytes }: Extract<Sent, { piece: string }>): Promise<void> {
  const isWhole = from >= 0 && bytes >= 0 && from + bytes === visit.sizes.get(hash)
  if (!isWhole) throw new EdgeError('SHIP_REFUSED', 'a piece came that had not been announced')
  if (!visit.isNoted && visit.looked !== null && visit.bundle !== null) {
    visit.isNoted = true
    await noteShipping(visit.pieces.folder, visit.looked, piecesOf(visit.bundle)).catch(raiseFull)
  }
  const isGood = await visit.pieces.take({ hash, bytes: from + bytes }, from, counted(visit, bytes))
  if (isGood !== null) visit.say({ piece: hash, isGood })
}

/** What has come is told as it comes: by that the laptop sees how fast the line is, and where it is when it breaks. */
async function* counted(visit: Visit, bytes: number): AsyncGenerator<Buffer> {
  for await (const chunk of visit.frames.bytes(bytes)) {
    yield chunk
    visit.at += chunk.length
    visit.say({ at: visit.at })
  }
}

async function load(visit: Visit): Promise<void> {
  const { looked, bundle, pieces } = visit
  if (looked === null || bundle === null) throw new EdgeError('SHIP_LOAD_REFUSED', 'nothing was sent')
  const done = await loadImage(looked, bundle, pieces)
  // A line that was cut may have left another receiver at the same: then its pieces go when it has loaded them.
  const id = typeof done === 'string' ? done : (await look(visit, looked)).id
  if (id === null) return visit.say({ lacking: done as readonly string[] })
  await clear(visit)
  visit.bundle = null // others may send the same before this line ends
  visit.say({ loaded: id })
}

async function clear({ pieces, bundle, looked }: Visit): Promise<void> {
  if (looked !== null) await forgetShipping(pieces.folder, looked).catch(() => {})
  if (bundle !== null) await pieces.release(piecesOf(bundle).map(({ hash }) => hash)).catch(() => {})
}

/** Another visit may have loaded the image meanwhile, and left there what this one had named: nobody else removes it. */
async function leave(visit: Visit): Promise<void> {
  const { pieces, looked, bundle, isNoted, wasNoted } = visit
  if (looked === null || bundle === null || !(isNoted || wasNoted)) return
  // In this order: whoever forgets the image later sees that it is not named here any more.
  await pieces.withdraw()
  if (!(await isShipping(pieces.folder, looked))) await pieces.release(piecesOf(bundle).map(({ hash }) => hash))
}

function piecesOf({ layers }: Bundle): Piece[] {
  return layers.flatMap(layer => layer.pieces)
}
