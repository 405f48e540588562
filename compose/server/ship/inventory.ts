import { EdgeError } from '../../../proxy/errors.ts'
import { chainsOf } from '../../image/chains.ts'
import { docker, knownMs } from '../../image/docker.ts'
import { type HeldImage, inspectImages } from '../../image/inspect.ts'

/** What the engine here has, as far as layers go. */
export interface Inventory {
  /** linux/amd64 */
  readonly platform: string
  /** Whether it keeps images as registries do: then a part of one is nothing that it would load. */
  readonly isContainerd: boolean
  /** Where it keeps them. */
  readonly folder: string
  readonly images: readonly HeldImage[]
}

const driver = 'io.containerd.snapshotter'

/** @param withinMs in which the engine has to answer each question @throws EdgeError COMPOSE_ENGINE_UNREACHABLE */
export async function takeInventory(withinMs = knownMs): Promise<Inventory> {
  const [info, list] = await Promise.all([
    docker(['info', '--format', '{{json .}}'], { withinMs }),
    docker(['image', 'ls', '--all', '--quiet', '--no-trunc'], { withinMs })
  ])
  const about = JSON.parse(info.stdout || '{}') as Record<string, unknown>
  if (list.code !== 0 || !about.ServerVersion) {
    throw new EdgeError('COMPOSE_ENGINE_UNREACHABLE', list.stderr.trim() || info.stderr.trim())
  }
  const architecture = architectures[String(about.Architecture)] ?? String(about.Architecture)
  return {
    platform: `${about.OSType}/${architecture}`,
    isContainerd: JSON.stringify(about.DriverStatus ?? '').includes(driver),
    folder: String(about.DockerRootDir),
    images: await inspectImages([...new Set(list.stdout.split('\n').filter(Boolean))], withinMs)
  }
}

/** As uname says, and as images do. */
const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm' }

/** Those of an image's layers that an archive for this engine must have: the others are where this image has them. */
export function layersToLoad({ images, isContainerd }: Inventory, diffIds: readonly string[]): string[] {
  if (isContainerd) return [...new Set(diffIds)]
  const held = new Set(images.flatMap(image => chainsOf(image.diffIds)))
  const chains = chainsOf(diffIds)
  return [...new Set(diffIds.filter((_, at) => !held.has(chains[at]!)))]
}

/** Of these layers, which image each is taken from; what no image has is left out. */
export function imagesWith(
  { images }: Inventory,
  wanted: readonly string[]
): { readonly image: HeldImage; readonly useful: ReadonlySet<string> }[] {
  const left = new Set(wanted)
  return images.flatMap(image => {
    const useful = new Set(image.diffIds.filter(diffId => left.delete(diffId)))
    return useful.size === 0 ? [] : [{ image, useful }]
  })
}

/** Those that are here at all, in whichever image. */
export function layersHeld({ images }: Inventory, diffIds: readonly string[]): string[] {
  const held = new Set(images.flatMap(image => image.diffIds))
  return diffIds.filter(diffId => held.has(diffId))
}
