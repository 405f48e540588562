import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { EdgeError } from '../../../proxy/errors.ts'
import { digestOf, hexOf } from '../../image/chains.ts'
import { docker, dockerSave, type Said } from '../../image/docker.ts'
import { inspectImages } from '../../image/inspect.ts'
import { unpackSaved } from '../../image/saved.ts'
import { type Inventory, imagesWith, layersToLoad, takeInventory } from './inventory.ts'
import { type LayerSource, savedSourceOf, sourceOf } from './layers.ts'
import type { Pieces } from './pieces.ts'
import type { Bundle, Looked } from './protocol.ts'
import { raiseFull } from './room.ts'

const mode = 0o644

type Sources = Map<string, LayerSource>

/**
 * Gives the engine an image of which it lacks some layers, once every byte of those has been verified.
 * @returns its id, or the diff ids of layers that are neither among the pieces nor in the engine
 * @throws EdgeError SHIP_LOAD_REFUSED, SHIP_DISK_FULL, COMPOSE_ENGINE_UNREACHABLE
 */
export async function loadImage(looked: Looked, bundle: Bundle, pieces: Pieces): Promise<string | readonly string[]> {
  const config = Buffer.from(bundle.config, 'base64')
  const inventory = await takeInventory()
  const aside = await mkdtemp(join(pieces.aside, 'saved-'))
  try {
    const sources: Sources = new Map()
    const gather = async (diffIds: readonly string[]): Promise<string[]> => {
      await fromPieces(bundle, pieces, sources, diffIds)
      await fromEngine(inventory, aside, sources, diffIds)
      return diffIds.filter(diffId => !sources.has(diffId))
    }
    const lacking = await gather(layersToLoad(inventory, looked.diffIds))
    if (lacking.length > 0) return lacking
    const said = await load(looked, config, sources)
    const id = await loaded(looked, config, inventory)
    if (id !== null) return id
    // Engines differ in whether they take an image without the layers that they have: then it gets them all.
    const others = await gather(looked.diffIds)
    if (others.length > 0) return others
    const saidThen = await load(looked, config, sources)
    const idThen = await loaded(looked, config, inventory)
    if (idThen !== null) return idThen
    throw refused(saidThen.code === 0 ? said : saidThen)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

async function fromPieces(bundle: Bundle, pieces: Pieces, sources: Sources, wanted: readonly string[]): Promise<void> {
  for (const layer of bundle.layers) {
    if (!wanted.includes(layer.diffId) || sources.has(layer.diffId)) continue
    const source = await sourceOf(layer, pieces)
    if (source !== null) sources.set(layer.diffId, source)
  }
}

/**
 * From images of which they are layers too. One that cannot be saved has none: its layers will be sent.
 * @throws EdgeError SHIP_DISK_FULL: to have them sent would not make room
 */
async function fromEngine(
  inventory: Inventory,
  aside: string,
  sources: Sources,
  wanted: readonly string[]
): Promise<void> {
  const missing = wanted.filter(diffId => !sources.has(diffId))
  for (const { image, useful } of imagesWith(inventory, missing)) {
    const leftOut = new Set(image.diffIds.filter(diffId => !useful.has(diffId)))
    const { archive, ended } = dockerSave(image.id)
    const folder = await mkdtemp(join(aside, 'image-'))
    const saved = await Promise.all([unpackSaved(archive, folder, leftOut), ended]).catch(noneUnlessFull)
    for (const { diffId, file } of saved[0]?.layers ?? []) {
      if (file === null) continue
      const source = useful.has(diffId) ? await savedSourceOf(diffId, file) : null
      if (source === null) await rm(file, { force: true })
      else sources.set(diffId, source)
    }
  }
}

function noneUnlessFull(cause: Error): [null] {
  if (cause instanceof EdgeError && isFull(cause.detail)) throw new EdgeError('SHIP_DISK_FULL', cause.detail, cause)
  if (!(cause instanceof EdgeError) && isFull(cause.message)) raiseFull(cause)
  return [null]
}

async function load({ reference, diffIds }: Looked, config: Buffer, sources: Sources): Promise<Said> {
  const archive = pack()
  const id = hexOf(digestOf(config))
  const places = diffIds.map(diffId => `${hexOf(diffId)}/layer.tar`)
  const write = async (): Promise<void> => {
    archive.entry(
      { name: 'manifest.json', mode },
      JSON.stringify([{ Config: `${id}.json`, RepoTags: [reference], Layers: places }])
    )
    archive.entry({ name: `${id}.json`, mode }, config)
    for (const [diffId, { bytes, open }] of sources) {
      await pipeline(open(), archive.entry({ name: `${hexOf(diffId)}/layer.tar`, mode, size: bytes }))
    }
    archive.finalize()
  }
  const written = write().catch((cause: Error) => void archive.destroy(cause))
  const said = await docker(['load', '--quiet'], { input: archive })
  archive.destroy()
  await written
  if (isFull(said.stderr)) throw new EdgeError('SHIP_DISK_FULL', said.stderr.trim())
  return said
}

function isFull(said: string): boolean {
  return /ENOSPC|EDQUOT|no space left on device|disk quota exceeded/i.test(said)
}

/** @returns its id when the engine has just this image, by this name */
async function loaded(
  { reference, diffIds }: Looked,
  config: Buffer,
  { isContainerd }: Inventory
): Promise<string | null> {
  const [found] = await inspectImages([reference])
  const isIt = isContainerd ? found?.diffIds.join() === diffIds.join() : found?.id === digestOf(config)
  return isIt ? found!.id : null
}

function refused({ stderr, stdout }: Said): EdgeError {
  return new EdgeError('SHIP_LOAD_REFUSED', `docker load: ${(stderr || stdout).trim().split('\n').at(-1)}`)
}
