import { appendFile, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readStateFile, syncFolder, unwritable } from '../../proxy/state/state-file.ts'

/** @returns the objects of a file of JSON lines, oldest first; a line that a power cut has halved is left out */
export async function readLines(path: string): Promise<object[]> {
  const text = (await readStateFile(path)) ?? ''
  return text.split('\n').flatMap(line => {
    try {
      const read: unknown = JSON.parse(line)
      return typeof read === 'object' && read !== null ? [read] : []
    } catch {
      return []
    }
  })
}

/** On disk when it returns. @throws EdgeError EDGE_STATE_UNWRITABLE or EDGE_DISK_FULL with the path */
export async function appendLine(path: string, entry: object): Promise<void> {
  // Begun on a line of its own, whatever a power cut has left.
  const isWhole = /^$|\n$/.test((await readStateFile(path)) ?? '')
  try {
    await mkdir(dirname(path), { recursive: true })
    await appendFile(path, `${isWhole ? '' : '\n'}${JSON.stringify(entry)}\n`, { mode: 0o600 })
    const file = await open(path, 'r')
    await file.sync().finally(() => file.close())
    await syncFolder(dirname(path))
  } catch (cause) {
    throw unwritable(path, cause)
  }
}
