import { Resolver } from 'node:dns/promises'
import { isIPv4, isIPv6 } from 'node:net'
import { EdgeError } from '../../../proxy/errors.ts'

/** Somebody who is asked for addresses. */
export interface NameServer {
  /** For people: `ns1.example.com`, `1.1.1.1`. */
  readonly label: string
  /** `address:port`; IPv6 in brackets. */
  readonly place: string
  /** It has the records themselves; or it remembers what it was told of them. */
  readonly isAuthority: boolean
}

export interface FoundAddress {
  readonly address: string
  /** Of an authority: as it is set. Of a resolver: what is left of it. Seconds. */
  readonly ttl: number
}

/** What one of them says of one name. */
export interface Told {
  readonly server: NameServer
  readonly addresses: readonly FoundAddress[]
  /** The name that it stands for (CNAME). */
  readonly alias: string | null
  /** Why nothing can be said; null: something was. */
  readonly failure: string | null
}

const onceMs = 2_000
const tries = 2
/** What an answer may say without being a failure: there is no such record. */
const nothing = ['ENODATA', 'ENOTFOUND']

/** Who remembers nothing: a name that has just been changed is asked for again. */
export function freshResolver(servers: readonly string[]): Resolver {
  const resolver = new Resolver({ timeout: onceMs, tries })
  if (servers.length > 0) resolver.setServers(servers)
  return resolver
}

/** @throws EdgeError EDGE_USAGE for anything but IP[:PORT] */
export function nameServerAt(written: string, isAuthority: boolean): NameServer {
  const [, bracketed, bare, port = '53'] = /^(?:\[([^\]]+)\]|([^:]+|[\da-f:]+))(?::(\d+))?$/i.exec(written) ?? []
  const host = isIPv6(written) ? written : (bracketed ?? bare ?? '')
  if (!isIPv4(host) && !isIPv6(host)) {
    throw new EdgeError(
      'EDGE_USAGE',
      `${written}: expected the address of a name server, such as 9.9.9.9 or [::1]:5353`
    )
  }
  const at = isIPv6(written) ? '53' : port
  return { label: written, place: isIPv6(host) ? `[${host}]:${at}` : `${host}:${at}`, isAuthority }
}

/** Never throws: what was not answered is `failure`. */
export async function askFor(server: NameServer, domain: string): Promise<Told> {
  const ask = freshResolver([server.place])
  try {
    const [four, six, alias] = await Promise.all([
      orNothing(ask.resolve4(domain, { ttl: true })),
      orNothing(ask.resolve6(domain, { ttl: true })),
      orNothing(ask.resolveCname(domain))
    ])
    const addresses = [...four, ...six].map(({ address, ttl }) => ({ address, ttl }))
    const unique = [...new Map(addresses.map(one => [one.address, one])).values()]
    return { server, addresses: unique, alias: alias[0]?.toLowerCase() ?? null, failure: null }
  } catch (cause) {
    return { server, addresses: [], alias: null, failure: wordsOf(cause as NodeJS.ErrnoException) }
  }
}

async function orNothing<T>(asked: Promise<T[]>): Promise<T[]> {
  return asked.catch((cause: NodeJS.ErrnoException) => {
    if (nothing.includes(`${cause.code}`)) return []
    throw cause
  })
}

const words: Readonly<Record<string, string>> = {
  ETIMEOUT: 'no answer',
  ECONNREFUSED: 'nobody listens there',
  ESERVFAIL: 'it fails (SERVFAIL)',
  EREFUSED: 'it does not answer for this name (REFUSED)'
}

function wordsOf({ code, message }: NodeJS.ErrnoException): string {
  return words[`${code}`] ?? code ?? message
}
