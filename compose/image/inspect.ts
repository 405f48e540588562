import { digestOf } from './chains.ts'
import { docker, knownMs } from './docker.ts'

/** What an engine says of an image. */
export interface HeldImage {
  readonly id: string
  readonly diffIds: readonly string[]
  /** linux/amd64 */
  readonly platform: string
  /** Unpacked. */
  readonly bytes: number
  /** The same for the same image, whatever engine has it: they do not agree on what its id is. */
  readonly fingerprint: string
}

interface Inspected {
  readonly Id: string
  readonly RootFS: { readonly Layers?: readonly string[] }
  readonly Os: string
  readonly Architecture: string
  readonly Size: number
  readonly Created: string
  readonly Config: Readonly<Record<string, unknown>> | null
}

/** @param withinMs in which the engine has to answer @returns those of them that are there @throws EdgeError COMPOSE_ENGINE_UNREACHABLE */
export async function inspectImages(names: readonly string[], withinMs = knownMs): Promise<HeldImage[]> {
  if (names.length === 0) return []
  // One that somebody removes meanwhile makes it fail, and the others are told all the same.
  const { stdout } = await docker([...inspecting, ...names], { withinMs })
  return readImages(stdout)
}

/** What docker is told, before the names. */
export const inspecting = ['image', 'inspect', '--format', '{{json .}}']

/** @param stdout of that */
export function readImages(stdout: string): HeldImage[] {
  const found = stdout.split('\n').filter(line => line.startsWith('{'))
  return found.map(line => heldImage(JSON.parse(line) as Inspected))
}

function heldImage({ Id: id, RootFS, Os, Architecture, Size: bytes, Created, Config }: Inspected): HeldImage {
  const diffIds = RootFS.Layers ?? []
  const fingerprint = digestOf(JSON.stringify([diffIds, Date.parse(Created), said(Config ?? {})]))
  return { id, diffIds, bytes, platform: `${Os}/${Architecture}`, fingerprint }
}

/** Engines differ in what they tell of that is not set, and in which order. */
function said(config: Readonly<Record<string, unknown>>): unknown[] {
  const isSet = (value: unknown): boolean =>
    Boolean(value) && JSON.stringify(value) !== '{}' && JSON.stringify(value) !== '[]'
  // What it was called when somebody made it is not what it is.
  const fields = Object.entries(config).filter(([name, value]) => isSet(value) && !/^(?:Image|Hostname)$/.test(name))
  return fields.sort(([one], [other]) => (one < other ? -1 : 1))
}
