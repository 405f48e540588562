import { isIPv6 } from 'node:net'
import type { Site } from '../plan/site.ts'
import type { Told } from './name-server.ts'
import type { DomainRecords } from './records.ts'

/** What is wrong with the records of a name, or should be known of them. */
export interface DnsFinding {
  readonly domain: string
  /** It stands in the way of users or certificates; else a note. */
  readonly isFault: boolean
  readonly what: string
  readonly next: string
}

/** Above it, a switch takes longer than anybody wants to wait. Seconds. */
export const longestTtl = 300
/** What is advised, and long before a switch. Seconds. */
export const goodTtl = 60

/**
 * @param issuer who certifies, as CAA records name it; null: nobody does, or it is not known by name
 */
export function findingsOf(site: Site, all: readonly DomainRecords[], issuer: string | null): DnsFinding[] {
  return all.flatMap(records => [
    ...presence(records),
    ...places(site, records),
    ...agreement(records),
    ...memory(records),
    ...permission(records, issuer)
  ])
}

/** Whose address it is: a server's name, or `elsewhere`. */
export function ownerOf({ servers }: Site, address: string): string {
  return servers.find(server => server.address === address)?.name ?? 'elsewhere'
}

function* presence({ domain, told }: DomainRecords): Iterable<DnsFinding> {
  const silent = told.filter(({ failure }) => failure !== null)
  if (silent.length === told.length) {
    const what = `nobody answers for it: ${silent.map(({ server, failure }) => `${server.label}: ${failure}`).join('; ')}`
    yield { domain, isFault: true, what, next: 'look at the name servers of the domain, at your registrar' }
    return
  }
  for (const { server, failure } of silent) {
    const isFault = server.isAuthority
    const next = isFault ? 'look at it at your DNS provider: some of those who ask get no answer' : ''
    yield { domain, isFault, what: `${server.label}: ${failure}`, next }
  }
}

function* places(site: Site, records: DomainRecords): Iterable<DnsFinding> {
  const { domain } = records
  const found = addressesIn(records)
  const answered = records.told.some(({ failure }) => failure === null)
  const wanted = site.servers.map(({ name, address }) => `${address} (${name})`).join(' or ')
  if (answered && found.length === 0) {
    yield { domain, isFault: true, what: 'it has no address', next: `add an A record: ${wanted}` }
  }
  for (const address of found.filter(one => ownerOf(site, one) === 'elsewhere')) {
    // deploy.yaml has one address for each server: the other kind may be a server's all the same.
    const isFault = isIPv6(address) === site.servers.some(server => isIPv6(server.address))
    const what = `it leads to ${address}, which is no server of deploy.yaml${isFault ? '' : '; those with IPv6 go there'}`
    yield {
      domain,
      isFault,
      what,
      next: isFault ? `change it to ${wanted}` : "remove it, unless it is that server's own"
    }
  }
  const owners = [...new Set(found.map(one => ownerOf(site, one)).filter(one => one !== 'elsewhere'))]
  if (owners.length > 1) {
    const what = `it leads to ${owners.join(' and to ')} at once: each user goes to either`
    yield { domain, isFault: false, what, next: 'keep one, unless that is meant' }
  }
}

function* agreement(records: DomainRecords): Iterable<DnsFinding> {
  const { domain } = records
  const said = authoritative(records)
    .filter(({ server }) => server.isAuthority)
    .map(({ server, addresses }) => [server.label, listOf(addresses.map(({ address }) => address))] as const)
  if (new Set(said.map(([, list]) => list)).size < 2) return
  const what = `its name servers differ: ${said.map(([label, list]) => `${label}: ${list}`).join('; ')}`
  yield { domain, isFault: true, what, next: 'if it was changed just now, wait a minute; else ask your DNS provider' }
}

/** Resolvers that have not heard of a change yet, and how long that can last. */
function* memory(records: DomainRecords): Iterable<DnsFinding> {
  const { domain, told } = records
  const now = listOf(addressesIn(records))
  for (const { server, addresses, failure } of told) {
    if (server.isAuthority || failure !== null) continue
    const list = listOf(addresses.map(({ address }) => address))
    if (list === now) continue
    const left = Math.max(0, ...addresses.map(({ ttl }) => ttl))
    const what = `${server.label} still says ${list}, for ${left} s at most`
    yield { domain, isFault: false, what, next: 'twinedge dns watch SERVER waits for it' }
  }
  const ttl = ttlOf(records)
  if (ttl !== null && ttl > longestTtl) {
    const what = `its TTL is ${ttl} s: so long nobody hears of a switch`
    yield { domain, isFault: false, what, next: `set it to ${goodTtl} s, long before you need it` }
  }
}

function* permission({ domain, permission }: DomainRecords, issuer: string | null): Iterable<DnsFinding> {
  if (permission === null || issuer === null || permission.issuers.includes(issuer)) return
  const allowed = permission.issuers.filter(Boolean).join(', ') || 'nobody'
  const what = `the CAA record of ${permission.at} allows ${allowed} to certify it, and not ${issuer}`
  yield { domain, isFault: true, what, next: `add to the CAA records of ${permission.at}: 0 issue "${issuer}"` }
}

/** As those say that have the records; through an alias that leads elsewhere, as resolvers say. */
export function addressesIn(records: DomainRecords): string[] {
  const of = (all: readonly { addresses: readonly { address: string }[] }[]): string[] => [
    ...new Set(all.flatMap(({ addresses }) => addresses.map(({ address }) => address)))
  ]
  const own = of(authoritative(records))
  return own.length > 0 ? own : of(records.told)
}

/** As it is set; null: only resolvers were reached, which tell what is left of it. Seconds. */
export function ttlOf(records: DomainRecords): number | null {
  const own = authoritative(records).filter(({ server }) => server.isAuthority)
  const all = own.flatMap(({ addresses }) => addresses.map(({ ttl }) => ttl))
  return all.length === 0 ? null : Math.max(...all)
}

function listOf(addresses: readonly string[]): string {
  return addresses.toSorted().join(', ') || 'nothing'
}

/** What those say that have the records; else, where none is reached, those that remember. */
export function authoritative({ told }: DomainRecords): readonly Told[] {
  const answered = told.filter(({ failure }) => failure === null)
  const own = answered.filter(({ server }) => server.isAuthority)
  return own.length > 0 ? own : answered
}
