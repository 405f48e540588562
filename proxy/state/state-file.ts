import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EdgeError } from '../errors.ts'

const hourMs = 3_600_000

/**
 * Writes a small file so that a reader, or a power cut, finds the old content or the new, never half of it.
 * Makes the folder when it is missing. A kill on the way leaves at most a `*.tmp` beside it, which nothing reads.
 * @param mode permissions, exactly: the umask does not narrow them
 * @throws EdgeError EDGE_STATE_UNWRITABLE or EDGE_DISK_FULL with the path
 */
export async function writeStateFile(path: string, content: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeDurably(temporary, content, mode)
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    // Most of these failures mean that there is nothing to remove; the first one is the one to tell of.
    await rm(temporary, { force: true }).catch(() => {})
    throw unwritable(path, cause)
  }
}

/**
 * The same, but never over a file that is there: of several processes that try, one has its way.
 * @returns whether it was this one
 * @throws EdgeError EDGE_STATE_UNWRITABLE or EDGE_DISK_FULL with the path
 */
export async function createStateFile(path: string, content: string, mode: number): Promise<boolean> {
  const whole = `${path}.${randomBytes(6).toString('hex')}.tmp`
  await writeStateFile(whole, content, mode)
  try {
    // Unlike rename, it refuses a name that is taken.
    await link(whole, path)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw unwritable(path, cause)
  } finally {
    await rm(whole, { force: true }).catch(() => {})
  }
}

/**
 * @returns null when there is no such file
 * @throws EdgeError EDGE_STATE_UNWRITABLE with the path, when it is there and this user may not read it
 */
export async function readStateFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw unwritable(path, cause)
  }
}

/**
 * Takes a file that is of no use out of the way, without destroying what an operator may still want.
 * @returns its new path, or null when there was nothing to move
 * @throws EdgeError EDGE_STATE_UNWRITABLE with the path
 */
export async function moveStateFileAside(path: string, now: Date): Promise<string | null> {
  const aside = `${path}.broken-${now.toISOString().replaceAll(':', '')}`
  try {
    await rename(path, aside)
    return aside
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw unwritable(path, cause)
  }
}

/** Takes away what writes that were killed have left: there may be a key in it. Never throws. */
export async function sweepStateFolder(folder: string, now: Date): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter(name => name.endsWith('.tmp'))) await removeIfOld(join(folder, name), now)
}

/** A young one may be another process's, which is about to rename it. */
async function removeIfOld(path: string, now: Date): Promise<void> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now.getTime() }))
  if (mtimeMs < now.getTime() - hourMs) await rm(path, { force: true }).catch(() => {})
}

async function writeDurably(path: string, content: string, mode: number): Promise<void> {
  // wx: a link planted under this name is not followed.
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes what was renamed in it outlive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  // Without this the rename itself may be lost in a power cut.
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** What the file system refused, as EDGE_DISK_FULL or EDGE_STATE_UNWRITABLE with the path. */
export function unwritable(path: string, cause: unknown): EdgeError {
  const isFull = ['ENOSPC', 'EDQUOT'].includes(String((cause as NodeJS.ErrnoException).code))
  if (isFull) return new EdgeError('EDGE_DISK_FULL', `${path}: ${(cause as Error).message}`, cause)
  return new EdgeError('EDGE_STATE_UNWRITABLE', `${path}: ${(cause as Error).message}`, cause)
}
