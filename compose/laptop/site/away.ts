import type { EdgeError } from '../../../proxy/errors.ts'
import type { Releases } from '../../server/deploy/records.ts'
import { failureOf } from '../plan/commands.ts'
import { type Part, type ServerName, serverOf } from '../plan/site.ts'
import { servingOf } from './deploys.ts'
import type { Held, World } from './held.ts'

/** Servers that could not be reached, and why. */
export type Away = ReadonlyMap<ServerName, EdgeError>

/**
 * @param needed for what is asked @param instead the command that does without the one that is away; '': there is none
 * @throws EdgeError DEPLOY_SERVER_AWAY; or as the server has refused us, which can be mended
 */
export function refuseAway({ away }: Pick<World, 'away'>, needed: readonly ServerName[], instead: string): void {
  for (const [name, cause] of away) {
    if (!needed.includes(name)) continue
    if (cause.code !== 'SSH_UNREACHABLE') throw cause
    const words = instead === '' ? '' : `\nwithout it: ${instead}`
    throw failureOf({ name, ssh: name }, 'DEPLOY_SERVER_AWAY', `${name}: ${cause.detail}${words}`)
  }
}

/** What serves; of a server that is away as the last deploy has left it. */
export function releasesIn({ site, away }: World, { deploys, sight }: Pick<Held, 'deploys' | 'sight'>): Releases {
  const known = Object.entries(servingOf(deploys)?.end?.serving ?? {}) as [Part, number][]
  const unseen = known.filter(([part]) => away.has(serverOf(site, part).name))
  // Two may have been made at once, each without the other's server: of a part, the one that changed it knows.
  const last = unseen.map(([part, release]): [Part, number] => {
    const own = deploys.findLast(({ moves, end }) => end?.event === 'done' && moves.some(move => move.part === part))
    return [part, own?.end?.serving[part] ?? release]
  })
  return { ...Object.fromEntries(last), ...sight.releases }
}
