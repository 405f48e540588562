import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { moveStateFileAside, readStateFile, writeStateFile } from '../../proxy/state/state-file.ts'
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

/** @returns null when nothing was left unfinished, or nothing that can be made out */
export async function readPending(folder: string): Promise<Pending | null> {
  const text = (await readStateFile(join(folder, file))) ?? 'null'
  try {
    const { change, step } = JSON.parse(text) as Pending
    const { how, ...names } = change
    const isWhole = [step, names.upstream, names.from, names.to, names.tag].every(one => typeof one === 'string')
    return isWhole && typeof how.isHeld === 'boolean' ? { change, step } : null
  } catch {
    return null
  }
}

/** One that cannot be read, so that it holds no change up for ever. @returns its new path; null: there was none */
export async function setPendingAside(folder: string, now: Date): Promise<string | null> {
  return moveStateFileAside(join(folder, file), now)
}

export async function clearPending(folder: string): Promise<void> {
  await rm(join(folder, file), { force: true })
}
