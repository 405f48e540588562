import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isThere } from '../command.ts'
import { ownerOf } from '../wan/ip.ts'

const GOES_WITHIN_MS = 10_000

/** @returns where on this host's disk that server's is, and the list of its control groups */
export function folderOf(name: string): string {
  return join(tmpdir(), name)
}

/** Removes a server's groups and its disk, whose processes have been killed; not there: nothing to do. */
export function wipe(name: string): void {
  const lateMs = performance.now() + GOES_WITHIN_MS
  // What was killed takes a moment to be gone.
  while (!isWiped(folderOf(name))) {
    if (performance.now() > lateMs) throw new Error(`${name} was killed, and its groups or its disk are still in use`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
  }
}

/** Removes what killed runs have left, once the namespaces' own sweep has ended their processes. */
export function wipeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = ownerOf(name)
    if (owner !== null && !isThere(owner)) wipe(name)
  }
}

function isWiped(folder: string): boolean {
  try {
    const groups = join(folder, 'groups')
    if (existsSync(groups)) readFileSync(groups, 'utf8').split('\n').filter(Boolean).forEach(removeGroup)
    rmSync(folder, { recursive: true, force: true })
    return true
  } catch {
    return false
  }
}

function removeGroup(group: string): void {
  if (!existsSync(group)) return
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(join(group, entry.name))
  }
  rmdirSync(group)
}
