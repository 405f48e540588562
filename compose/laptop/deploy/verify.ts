import { EdgeError } from '../../../proxy/errors.ts'
import type { Serving } from '../../server/deploy/records.ts'
import { askAt, type Fault } from '../entry/entrance.ts'
import { type Leads, leadsOf } from '../entry/lead.ts'
import type { ServerName, ServerPlan, Site } from '../plan/site.ts'
import type { World } from '../site/held.ts'
import { lookAtSite } from '../site/sight.ts'

type Servings = ReadonlyMap<ServerName, Serving>

const patient = { tries: 5, againMs: 1_000 }
/** Where no user comes, nobody is to wait for. */
const brief = { tries: 2, againMs: 1_000 }

/** Where users of a site come in, and where they would after a switch. */
export interface Ways {
  readonly leads: Leads
  /** By server, the domains whose users come there. */
  readonly used: ReadonlyMap<ServerPlan, readonly string[]>
}

/** Of the servers that are there: what leads to none of them is asked of the first. */
export async function waysInto(site: Site, there: (server: ServerPlan) => boolean): Promise<Ways> {
  const leads = await leadsOf(site)
  const servers = site.servers.filter(there)
  const used = servers.map((server, at): [ServerPlan, string[]] => {
    const isMeant = (domain: string): boolean => {
      const names = leads.get(domain) ?? []
      return names.includes(server.name) || (at === 0 && !servers.some(({ name }) => names.includes(name)))
    }
    return [server, site.domains.filter(isMeant)]
  })
  return { leads, used: new Map(used) }
}

/** `shop.example: DNS leads to backend` */
export function leadLine({ leads, used }: Ways, domain: string): string {
  const names = leads.get(domain) ?? []
  const asked = [...used].filter(([, domains]) => domains.includes(domain)).map(([{ name }]) => name)
  const lead = names.length === 0 ? 'DNS leads to none of the servers' : `DNS leads to ${names.join(' and ')}`
  return `${domain}: ${lead}${asked.join() === names.join() ? '' : `; it is asked of ${asked.join(' and ')}`}`
}

/** What users would not be answered now, asked once. */
export async function faultsNow(world: World): Promise<Fault[]> {
  const { serving: servings } = await lookAtSite(world.lines, world.site.name)
  const ways = await waysInto(world.site, isThere(world))
  const asked = [...ways.used].map(([server, domains]) => {
    return askAt(entranceOf(world, servings, server, domains), { say: () => {}, tries: 1, againMs: 0 })
  })
  return (await Promise.all(asked)).flat()
}

/**
 * What users ask for is answered where they ask for it. The other way in is asked as well, and only told of.
 * @param before what was not answered before either, for a server is away
 * @throws EdgeError DEPLOY_NOT_VERIFIED with all that was not as it should be
 */
export async function verifySite(world: World, servings: Servings, before: readonly Fault[]): Promise<void> {
  const { site, say } = world
  const ways = await waysInto(site, isThere(world))
  for (const domain of site.domains) say(leadLine(ways, domain))
  const known = new Set(before.map(({ where }) => where))
  const asked = [...ways.used].map(async ([server, domains]) => {
    const used = await askAt(entranceOf(world, servings, server, domains), { say, ...patient })
    const others = site.domains.filter(domain => !domains.includes(domain))
    const unused = await askAt(entranceOf(world, servings, server, others), { say: () => {}, ...brief })
    for (const { where, why } of unused) say(`WARNING: ${where}: ${why}; no user comes there now`)
    return used
  })
  const faults = (await Promise.all(asked)).flat()
  const isKnown = ({ where }: Fault): boolean => known.has(where)
  for (const { where, why } of faults.filter(isKnown)) say(`WARNING: ${where}: ${why}, as before`)
  const rest = faults.filter(fault => !isKnown(fault)).map(({ where, why }) => `${where}: ${why}`)
  if (rest.length > 0) throw new EdgeError('DEPLOY_NOT_VERIFIED', `\n${rest.join('\n')}`)
}

function isThere({ away }: World): (server: ServerPlan) => boolean {
  return ({ name }) => !away.has(name)
}

function entranceOf({ site }: World, servings: Servings, server: ServerPlan, domains: readonly string[]) {
  const { httpsPort: port, localRoot } = servings.get(server.name)!
  return { address: server.address, port, localRoot, domains, paths: site.verify }
}
