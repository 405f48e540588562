import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { archiveOfAll } from '../../container/archive.ts'
import type { ToolFile } from './files.ts'

/** The tool as one file, packed: tar and gzip are on every server. */
export async function packTool(files: readonly ToolFile[]): Promise<Buffer> {
  return promisify(gzip)(await buffer(archiveOfAll(files)), { level: 6 })
}
