import type { Readable } from 'node:stream'
import { pack } from 'tar-stream'

/** @returns a tar archive of one file, root's, that anybody may read: what the engine wants a file to come in */
export function archiveOf(name: string, text: string): Readable {
  const archive = pack()
  archive.entry({ name, mode: 0o444 }, text)
  archive.finalize()
  return archive
}
