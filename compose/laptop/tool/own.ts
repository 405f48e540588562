import { join } from 'node:path'
import type { Line } from '../ssh/line.ts'
import { hashOf, toolFiles } from './files.ts'

const project = join(import.meta.dirname, '../../..')

/** As the folder of this laptop's own tool would be called on a server: tool-0123456789ab. */
export async function ownTool(): Promise<string> {
  return nameOfTool(hashOf(await toolFiles(project)))
}

/** @param hash of its files */
export function nameOfTool(hash: string): string {
  return `tool-${hash.slice(0, 12)}`
}

/** Whose tool is another than this laptop's, though it understands what it is asked: told, and nothing more. */
export async function otherTools(lines: readonly Line[], own: Promise<string>): Promise<string[]> {
  const all = await Promise.all(
    lines.map(async line => ({ name: line.server.name, ...(await line.ask('hello', null)) }))
  )
  const here = await own
  // One without a name of that kind is a developer's.
  const others = all.filter(({ tool }) => tool !== '' && tool !== here)
  return others.map(
    ({ name, tool, version }) =>
      `WARNING: ${name}: its tool (${version}, ${tool}) is not this laptop's (${here}); next: twinedge bootstrap ${name}`
  )
}
