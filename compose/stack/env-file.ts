import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseEnv } from 'node:util'
import { EdgeError } from '../../proxy/errors.ts'
import { withVariables } from './env-lines.ts'

/** @returns what stands there; '' when it does not */
export async function readVariable(file: string, name: string): Promise<string> {
  // Compose reads `NAME: value` as well, which Node does not.
  const colon = new RegExp(`^(\\s*(?:export\\s+)?${name}\\s*):`, 'gm')
  return parseEnv((await readText(file)).replace(colon, '$1='))[name] ?? ''
}

/**
 * Sets these in a stack's `.env`, whole or not at all. It keeps its mode and its owner; one that is not there yet is its
 * owner's alone.
 * @throws EdgeError EDGE_STATE_UNWRITABLE or EDGE_DISK_FULL with the path
 */
export async function setVariables(file: string, values: Readonly<Record<string, string>>): Promise<void> {
  // A link to it goes on being one.
  const path = await realpath(file).catch(() => file)
  const before = await readText(path)
  const text = withVariables(before, values)
  if (text === before) return
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeLike(path, temporary, text)
    await rename(temporary, path)
    await withFile(dirname(path), 'r', folder => folder.sync())
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {})
    throw unwritable(path, cause)
  }
}

async function writeLike(path: string, temporary: string, text: string): Promise<void> {
  const now = await stat(path).catch(() => null)
  await withFile(temporary, 'wx', async file => {
    await file.writeFile(text)
    if (now !== null) {
      // Only root can; for anybody else it is theirs already.
      await file.chown(now.uid, now.gid).catch(() => {})
      await file.chmod(now.mode & 0o777)
    }
    await file.sync()
  })
}

async function withFile(path: string, flags: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    await work(file)
  } finally {
    await file.close()
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw unwritable(path, cause)
  }
}

function unwritable(path: string, cause: unknown): EdgeError {
  const isFull = ['ENOSPC', 'EDQUOT'].includes(String((cause as NodeJS.ErrnoException).code))
  const code = isFull ? 'EDGE_DISK_FULL' : 'EDGE_STATE_UNWRITABLE'
  return new EdgeError(code, `${path}: ${(cause as Error).message}`, cause)
}
