import { globSync } from 'node:fs'
import { lchown, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { importOffline } from '../../proxy/acme/requests.ts'
import { loadConfig } from '../../proxy/config/load.ts'
import type { ImportAnswer } from '../../proxy/control/protocol.ts'
import type { FoundPair } from './certbot-folder.ts'

/** Puts certificates where an edge that does not run yet will find them. @throws EdgeError as an import does */
export async function storeOffline(
  file: string,
  certificates: readonly FoundPair[]
): Promise<ImportAnswer['certificates']> {
  const config = await loadConfig(file, process.env)
  const answer = await importOffline(config, { certificates })
  await giveAway(config.stateFolder)
  return answer.certificates
}

/** certbot's folder is for root alone, and the edge is not root: what root has written goes to whom the folder belongs. */
async function giveAway(stateFolder: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(stateFolder)
  const folder = join(stateFolder, 'acme')
  // Never what a link points at.
  for (const path of [folder, ...globSync(`${folder}/**`)]) await lchown(path, uid, gid)
}
