import type { Claim } from '../../server/deploy/records.ts'
import type { Site } from '../plan/site.ts'
import type { Line } from '../ssh/line.ts'
import type { Away } from './away.ts'
import { type Deploy, deploysOf } from './deploys.ts'
import { holdSite, type SiteHold } from './hold.ts'
import { levelJournals, lookAtSite, type SiteSight } from './sight.ts'

/** Whom a change of a site deals with. */
export interface World {
  readonly site: Site
  /** To those that were reached; backend before frontend: as they are locked. */
  readonly lines: readonly Line[]
  readonly away: Away
  readonly claim: Claim
  readonly hasDied: (holder: Claim) => boolean
  readonly now: () => Date
  readonly say: (line: string) => void
  /** The operator wants it stopped: then it is undone. */
  readonly signal: AbortSignal
}

/** What has been begun on this site, as far as whoever holds it can see. */
export interface Held extends SiteHold {
  readonly sight: SiteSight
  readonly deploys: readonly Deploy[]
}

/** @throws EdgeError DEPLOY_LOCKED, as `work` does, and as servers do */
export async function withSiteHeld<T>(world: World, work: (held: Held) => Promise<T>): Promise<T> {
  const hold = await holdSite(world.lines, world.claim, world.hasDied)
  try {
    return await work(await lookAgain(world, hold))
  } finally {
    await hold.free()
  }
}

/** What the servers know and serve by now, each of them all of it. */
export async function lookAgain(world: World, hold: SiteHold): Promise<Held> {
  const sight = await lookAtSite(world.lines, world.site.name)
  await levelJournals(world.lines, sight, hold.claim())
  const deploys = deploysOf([...sight.records.values()].map(({ lines }) => lines))
  return { ...hold, sight, deploys }
}
