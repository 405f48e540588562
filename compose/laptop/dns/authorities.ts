import type { Resolver } from 'node:dns/promises'
import { freshResolver, type NameServer } from './name-server.ts'

/** Of a zone: more say the same. */
const most = 4

/** Whom a name's records belong to. @param resolvers who is asked; none: this machine's own */
export async function authoritiesOf(domain: string, resolvers: readonly string[]): Promise<NameServer[]> {
  const resolver = freshResolver(resolvers)
  const names = await nameServersOf(resolver, domain.split('.'))
  const found = await Promise.all(names.slice(0, most).map(name => addressOf(resolver, name)))
  return found.flatMap(one => one ?? [])
}

/** The zone may begin at the name itself or at any one above it, short of a top level. */
async function nameServersOf(resolver: Resolver, labels: readonly string[]): Promise<string[]> {
  if (labels.length < 2) return []
  const names = await resolver.resolveNs(labels.join('.')).catch(() => [])
  return names.length > 0 ? names.toSorted() : nameServersOf(resolver, labels.slice(1))
}

async function addressOf(resolver: Resolver, name: string): Promise<NameServer | null> {
  const four = await resolver.resolve4(name).catch(() => [])
  const six = four.length > 0 ? [] : await resolver.resolve6(name).catch(() => [])
  const place = four[0] === undefined ? six[0] && `[${six[0]}]:53` : `${four[0]}:53`
  return place === undefined ? null : { label: name, place, isAuthority: true }
}

/** Those that this machine asks. */
export function ownResolvers(): NameServer[] {
  return freshResolver([])
    .getServers()
    .map(place => ({ label: place, place: /^[\d.]+$/.test(place) ? `${place}:53` : place, isAuthority: false }))
}
