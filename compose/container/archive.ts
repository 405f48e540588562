import type { Readable } from 'node:stream'
import { pack } from 'tar-stream'

interface Packed {
  readonly path: string
  readonly mode: number
  readonly content: string | Buffer
}

/** @returns a tar archive of one file, root's, that anybody may read: what the engine wants a file to come in */
export function archiveOf(name: string, text: string): Readable {
  return archiveOfAll([{ path: name, mode: 0o444, content: text }])
}

/** @returns a tar archive of these files, root's, all of one day: the same files are the same bytes */
export function archiveOfAll(files: readonly Packed[]): Readable {
  const archive = pack()
  for (const { path, mode, content } of files) archive.entry({ name: path, mode, mtime: new Date(0) }, content)
  archive.finalize()
  return archive
}
