import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readStateFile, writeStateFile } from '../../proxy/state/state-file.ts'
import type { Change } from '../change/change.ts'

/** A change that has begun, and the step that it is at: what a command that dies leaves behind. */
export interface Pending {
  readonly change: Change
  readonly step: string
}

const file = 'pending.json'

/** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL: then the step is not to be taken */
export async function writePending(folder: string, pending: Pending): Promise<void> {
  await writeStateFile(join(folder, file), `${JSON.stringify(pending)}\n`, 0o600)
}

/** @returns null when nothing was left unfinished */
export async function readPending(folder: string): Promise<Pending | null> {
  return JSON.parse((await readStateFile(join(folder, file))) ?? 'null') as Pending | null
}

export async function clearPending(folder: string): Promise<void> {
  await rm(join(folder, file), { force: true })
}
