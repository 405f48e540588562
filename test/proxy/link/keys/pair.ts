import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Identity } from '../../../../proxy/link/keys/identity.ts'
import { LinkKeys } from '../../../../proxy/link/keys/link-keys.ts'

export const now = new Date('2026-11-22T12:00:00Z')
export const dayMs = 86_400_000

export async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** The keys in this folder, of which nothing may be wrong. */
export function open(t: Test, path: string, at = now): Promise<LinkKeys> {
  return LinkKeys.open(path, at, warning => t.fail(warning))
}

/** As it comes in a handshake. */
export function derOf({ cert }: Pick<Identity, 'cert'>): Buffer {
  return new X509Certificate(cert).raw
}
