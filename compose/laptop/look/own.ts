import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ServerPlan, stackKindOf } from '../plan/site.ts'

const project = join(import.meta.dirname, '../../..')

/** Of this project's compose files, as far as a server has them: SHA-256 in hex, by name. */
export async function composeHashes(server: ServerPlan): Promise<Record<string, string>> {
  const stack = stackKindOf(server)
  const halves = stack === 'single' ? ['frontend', 'backend'] : [stack]
  const hashes = halves.map(async half => {
    const name = `docker-compose.${half}.yml`
    const hash = createHash('sha256').update(await readFile(join(project, name)))
    return [name, hash.digest('hex')] as const
  })
  return Object.fromEntries(await Promise.all(hashes))
}
