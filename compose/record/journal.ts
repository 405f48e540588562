import { join } from 'node:path'
import type { FailureCode } from '../../proxy/errors.ts'
import type { SlotName } from '../stack/slots.ts'
import { appendLine, readLines } from './lines.ts'

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
  /** `found`: it served before the first change; `take-back`: the one before it was no good. */
  readonly verb: 'swap' | 'rollback' | 'restart' | 'take-back' | 'found'
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

/** @returns what was done, oldest first; a line that is no change is left out */
export async function readJournal(folder: string): Promise<Entry[]> {
  const entries = (await readLines(pathIn(folder))) as Entry[]
  return entries.filter(({ upstream, release }) => typeof upstream === 'string' && Number.isInteger(release))
}

/** @throws EdgeError EDGE_STATE_UNWRITABLE or EDGE_DISK_FULL with the path */
export async function writeJournal(folder: string, entry: Entry): Promise<void> {
  await appendLine(pathIn(folder), entry)
}

function pathIn(folder: string): string {
  return join(folder, 'journal.jsonl')
}
