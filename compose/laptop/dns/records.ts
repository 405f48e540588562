import type { Site } from '../plan/site.ts'
import { authoritiesOf, ownResolvers } from './authorities.ts'
import { type Permission, permissionFor } from './caa.ts'
import { askFor, type NameServer, nameServerAt, type Told } from './name-server.ts'

/** Who is asked, where the operator names nobody. */
export interface Asking {
  /** IP[:PORT]; none: this machine's own, and for a look around `publicResolvers`. */
  readonly resolvers: readonly string[]
  /** IP[:PORT] of those that have the records; none: they are looked up. */
  readonly authorities: readonly string[]
}

/** Everything that is known of one name. */
export interface DomainRecords {
  readonly domain: string
  readonly told: readonly Told[]
  /** null: anybody may certify it. */
  readonly permission: Permission | null
}

/** Many ask them; the last one is near users in China. */
export const publicResolvers: readonly string[] = ['1.1.1.1', '8.8.8.8', '223.5.5.5']

/** @param around as well asks resolvers that are neither this machine's nor the operator's choice */
export async function lookUp(site: Site, asking: Asking, around: readonly string[] = []): Promise<DomainRecords[]> {
  return Promise.all(
    site.domains.map(async domain => {
      const servers = await serversFor(domain, asking, around)
      const told = await Promise.all(servers.map(server => askFor(server, domain)))
      const asked = servers.find(({ place }) => told.some(one => one.server.place === place && one.failure === null))
      return { domain, told, permission: asked === undefined ? null : await permissionFor(domain, asked.place) }
    })
  )
}

/** Authorities first; each place once. */
export async function serversFor(
  domain: string,
  { resolvers, authorities }: Asking,
  around: readonly string[] = []
): Promise<NameServer[]> {
  const named = resolvers.map(written => nameServerAt(written, false))
  const own = named.length > 0 ? named : [...ownResolvers(), ...around.map(written => nameServerAt(written, false))]
  const places = own.map(({ place }) => place)
  const having =
    authorities.length > 0
      ? authorities.map(written => nameServerAt(written, true))
      : await authoritiesOf(domain, named.length > 0 ? places : [])
  return [...new Map([...having, ...own].toReversed().map(one => [one.place, one])).values()].toReversed()
}
