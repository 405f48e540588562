import { appendFile, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { FailureCode } from '../../proxy/errors.ts'
import { readStateFile, syncFolder, unwritable } from '../../proxy/state/state-file.ts'
import type { SlotName } from '../stack/slots.ts'

/** What users saw of a change. */
export interface Report {
  /** Answered while it went on, and how many of those not as they should have been. */
  readonly requests: number
  readonly failed: number
  /** In flight to the old slot when the new one took over. */
  readonly carried: { readonly requests: number; readonly streams: number; readonly webSockets: number }
  readonly cut: number
  readonly longestMs: number
}

/** One line of the journal. */
export interface Entry {
  readonly at: string
  readonly who: string
  readonly verb: 'swap' | 'rollback' | 'found'
  readonly upstream: string
  /** `done` and `resumed` serve; `failed` and `undone` changed nothing for users. */
  readonly outcome: 'done' | 'resumed' | 'failed' | 'undone'
  /** Why it failed. */
  readonly code: FailureCode | null
  readonly release: number
  /** The one that served before; null for the first. */
  readonly before: number | null
  readonly slot: SlotName
  /** As the operator named it. */
  readonly image: string
  readonly imageId: string
  /** The name that keeps it, by which `.env` and a rollback find it. */
  readonly tag: string
  readonly tookMs: number
  readonly report: Report | null
}

/** @returns what was done, oldest first; a line that a power cut has halved, or that is no change, is left out */
export async function readJournal(folder: string): Promise<Entry[]> {
  const text = (await readStateFile(join(folder, 'journal.jsonl'))) ?? ''
  return text.split('\n').flatMap(line => {
    try {
      const entry = JSON.parse(line) as Entry
      return typeof entry.upstream === 'string' && Number.isInteger(entry.release) ? [entry] : []
    } catch {
      return []
    }
  })
}

/** @throws EdgeError EDGE_STATE_UNWRITABLE or EDGE_DISK_FULL with the path */
export async function writeJournal(folder: string, entry: Entry): Promise<void> {
  const path = join(folder, 'journal.jsonl')
  // Begun on a line of its own, whatever a power cut has left.
  const isWhole = /^$|\n$/.test((await readStateFile(path)) ?? '')
  try {
    await mkdir(folder, { recursive: true })
    await appendFile(path, `${isWhole ? '' : '\n'}${JSON.stringify(entry)}\n`, { mode: 0o600 })
    const file = await open(path, 'r')
    await file.sync().finally(() => file.close())
    await syncFolder(folder)
  } catch (cause) {
    throw unwritable(path, cause)
  }
}
