import { EdgeError } from '../../proxy/errors.ts'
import type { Entry } from './journal.ts'

/** An image that has served, under the number by which it is brought back. */
export type Release = Pick<Entry, 'release' | 'image' | 'imageId' | 'tag'>

/** @returns the releases of an upstream, each once, the one that serves last */
export function releasesOf(journal: readonly Entry[], upstream: string): Entry[] {
  const served = journal.filter(entry => entry.upstream === upstream && hasServed(entry))
  return [...new Map(served.map(entry => [entry.release, entry])).values()].sort(byLastService(served))
}

export function nextRelease(journal: readonly Entry[], upstream: string): number {
  return 1 + Math.max(0, ...journal.filter(entry => entry.upstream === upstream).map(({ release }) => release))
}

/**
 * @param asked a release by its number; undefined: the one that served before this one, so that a second rollback goes
 *   forward again
 * @throws EdgeError COMPOSE_NO_RELEASE with those that there are
 */
export function rollbackTarget(journal: readonly Entry[], upstream: string, asked: number | undefined): Release {
  const releases = releasesOf(journal, upstream)
  const current = releases.at(-1)
  const number = asked ?? current?.before
  const found = releases.find(({ release }) => release === number)
  if (found !== undefined && found !== current) return found
  if (current === undefined) throw new EdgeError('COMPOSE_NO_RELEASE', `${upstream} was never swapped here`)
  const others = releases.filter(release => release !== current).map(({ release }) => release)
  const rest = others.length === 0 ? 'no other is kept' : `kept besides: ${others.sort((a, b) => a - b).join(', ')}`
  const why =
    number === current.release ? `release ${number} serves already` : `no release ${number ?? 'before this one'}`
  throw new EdgeError('COMPOSE_NO_RELEASE', `${upstream}: ${why}; ${rest}`)
}

/** By its id, whole or shortened: a name to lose it has none. */
export function isNamedById({ image, imageId }: Pick<Entry, 'image' | 'imageId'>): boolean {
  return imageId.startsWith(image) || imageId.startsWith(`sha256:${image}`)
}

/** A release that nobody will go back to. */
export interface Outdated extends Release {
  /** No release that is kept runs the same image. */
  readonly isImageOver: boolean
}

/** @returns those that have not served among the last `keep`, and those that were taken back */
export function outdated(journal: readonly Entry[], upstream: string, keep: number): Outdated[] {
  const releases = releasesOf(journal, upstream)
  const kept = releases.filter(({ release }) => !wasTakenBack(journal, upstream, release)).slice(-Math.max(1, keep))
  const images = new Set(kept.map(({ imageId }) => imageId))
  const old = releases.filter(one => !kept.includes(one))
  return old.map(release => ({ ...release, isImageOver: !images.has(release.imageId) }))
}

/** It was no good when it served last. */
function wasTakenBack(journal: readonly Entry[], upstream: string, release: number): boolean {
  const served = journal.filter(entry => entry.upstream === upstream && hasServed(entry))
  const next = served[served.findLastIndex(entry => entry.release === release) + 1]
  return next?.verb === 'take-back' && next.before === release
}

function hasServed({ outcome }: Entry): boolean {
  return outcome === 'done' || outcome === 'resumed'
}

function byLastService(served: readonly Entry[]): (a: Entry, b: Entry) => number {
  const last = new Map(served.map((entry, at) => [entry.release, at]))
  return (a, b) => last.get(a.release)! - last.get(b.release)!
}
