import { createHash } from 'node:crypto'
import type { AssetsConfig } from '../../config/config.ts'

/** The files of one build by their paths, and when it came. */
export interface Build {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly files: ReadonlyMap<string, BuildFile>
}

export interface BuildFile {
  /** SHA-256, hex. */
  readonly hash: string
  readonly bytes: number
}

/** Builds that are never given up: the one that serves, and the one before it or after it. */
const newestKept = 2

/** The id says what is in it, so a build that comes again is the same one, only newer. */
export function buildOf(files: ReadonlyMap<string, BuildFile>, at: number): Build {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1))
  const hash = createHash('sha256')
  for (const [path, file] of sorted) hash.update(`${file.hash} ${path}\n`)
  return { id: hash.digest('hex').slice(0, 32), at, files: new Map(sorted) }
}

export function writtenBuild({ at, files }: Build): string {
  const listed = Object.fromEntries([...files].map(([path, { hash, bytes }]) => [path, [hash, bytes]]))
  return `${JSON.stringify({ at: new Date(at).toISOString(), files: listed })}\n`
}

/** @returns null for what was not written by `writtenBuild` */
export function readBuild(id: string, text: string): Build | null {
  try {
    const { at, files } = JSON.parse(text) as { at: string; files: Record<string, [string, number]> }
    const read = Object.entries(files).map(([path, [hash, bytes]]) => [path, { hash, bytes }] as const)
    // A hash becomes the name of a file: what is none must not.
    const isWhole = read.every(([, { hash, bytes }]) => /^[0-9a-f]{64}$/.test(hash) && Number.isSafeInteger(bytes))
    const atMs = Date.parse(at)
    return isWhole && Number.isFinite(atMs) ? { id, at: atMs, files: new Map(read) } : null
  } catch {
    return null
  }
}

/**
 * What is served at each path. Where two builds have other bytes at one path its name says nothing about its content, and
 * nobody can tell whose a request is: then it is left to the upstream, which answers for the build that serves.
 */
export function indexOf(builds: readonly Build[]): { files: Map<string, BuildFile>; contested: Set<string> } {
  const files = new Map<string, BuildFile>()
  const contested = new Set<string>()
  for (const build of builds) {
    for (const [path, file] of build.files) {
      const known = files.get(path)
      if (known === undefined) files.set(path, file)
      else if (known.hash !== file.hash) contested.add(path)
    }
  }
  for (const path of contested) files.delete(path)
  return { files, contested }
}

/**
 * The builds to give up: those that another took the place of too long ago, then the oldest, until the rest has room.
 * @param builds oldest first
 * @param bytesOf what a file takes on disk, compressed copies included
 */
export function surplusOf(
  builds: readonly Build[],
  now: number,
  { keepMs, bytes }: Pick<AssetsConfig, 'keepMs' | 'bytes'>,
  bytesOf: (hash: string) => number
): Build[] {
  const free = builds.length - newestKept
  const kept = builds.filter((_, i) => i >= free || now - builds[i + 1]!.at <= keepMs)
  while (kept.length > newestKept && bytesOfAll(kept, bytesOf) > bytes) kept.shift()
  return builds.filter(build => !kept.includes(build))
}

export function hashesOf(builds: readonly Build[]): Set<string> {
  return new Set(builds.flatMap(({ files }) => [...files.values()].map(({ hash }) => hash)))
}

function bytesOfAll(builds: readonly Build[], bytesOf: (hash: string) => number): number {
  return [...hashesOf(builds)].reduce((sum, hash) => sum + bytesOf(hash), 0)
}
