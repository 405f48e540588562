import type { Facts } from '../facts/facts.ts'
import type { Ssh } from '../ssh/ssh.ts'
import { carryOut } from './actions.ts'

/** FOLDER/site/bootstrap.json: how far the last bootstrap that changed anything has got. */
export interface BootstrapRecord {
  /** ISO 8601, by the laptop's clock. */
  readonly began: string
  /** user@host of the laptop. */
  readonly by: string
  /** The step that was begun last. */
  readonly step: string
  readonly outcome: 'under way' | 'failed' | 'done'
  /** The failure's; null: none. */
  readonly code: string | null
  /** Of the compose files, the `.env` and the image that the edge was brought up with; null: it was not yet. */
  readonly stack: string | null
}

export function recordPath(folder: string): string {
  return `${folder}/site/bootstrap.json`
}

/** @returns null when nobody has begun, or what is there is not ours */
export function recordOf({ stack }: Facts): BootstrapRecord | null {
  try {
    return JSON.parse(stack.record ?? 'null') as BootstrapRecord | null
  } catch {
    return null
  }
}

export async function writeRecord(ssh: Ssh, record: BootstrapRecord): Promise<void> {
  const text = `${JSON.stringify(record)}\n`
  await carryOut(ssh, { write: recordPath(ssh.server.folder), text, mode: 0o600, before: null })
}
