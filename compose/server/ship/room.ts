import { stat, statfs } from 'node:fs/promises'
import { EdgeError } from '../../../proxy/errors.ts'

/** What a server must have left, once all is there. */
const leftBytes = 64 << 20
/** Docker unpacks an archive before it makes layers of it. */
const copies = 2

/**
 * Asked before anything is sent.
 * @param piecesBytes that will lie in `folder`
 * @param plainBytes of which the engine will make layers in its own folder, `engineFolder`
 * @throws EdgeError SHIP_DISK_FULL
 */
export async function requireRoom(
  folder: string,
  piecesBytes: number,
  engineFolder: string,
  plainBytes: number
): Promise<void> {
  const needs = [{ path: folder, bytes: piecesBytes }]
  const isSame = await onOneDisk(folder, engineFolder)
  if (isSame === true) needs[0]!.bytes += plainBytes * copies
  if (isSame === false) needs.push({ path: engineFolder, bytes: plainBytes * copies })
  for (const { path, bytes } of needs) {
    const { bavail, bsize } = await statfs(path)
    const free = bavail * bsize
    if (bytes === 0 || free >= bytes + leftBytes) continue
    const [has, wants] = [free, bytes + leftBytes].map(size => `${Math.ceil(size / 1e6)} MB`)
    throw new EdgeError('SHIP_DISK_FULL', `${path} has ${has} left, and this image needs ${wants}`)
  }
}

/** @returns null for an engine whose folder is not to be seen from here */
async function onOneDisk(folder: string, engineFolder: string): Promise<boolean | null> {
  const there = await stat(engineFolder).catch(() => null)
  return there && there.dev === (await stat(folder)).dev
}

/** @throws EdgeError SHIP_DISK_FULL; else the cause itself */
export function raiseFull(cause: NodeJS.ErrnoException): never {
  if (cause.code === 'ENOSPC' || cause.code === 'EDQUOT') throw new EdgeError('SHIP_DISK_FULL', cause.message, cause)
  throw cause
}
