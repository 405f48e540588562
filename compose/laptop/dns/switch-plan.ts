import { isIPv6 } from 'node:net'
import type { EdgeError } from '../../../proxy/errors.ts'
import type { EntrySeen } from '../../server/entry/records.ts'
import type { ServerPlan, Site } from '../plan/site.ts'
import { addressesIn, authoritative, longestTtl, ttlOf } from './findings.ts'
import type { DomainRecords } from './records.ts'
import { addressesOf } from './safety.ts'

/** One record to be changed by hand, at the DNS provider. */
export interface RecordChange {
  readonly domain: string
  readonly type: 'A' | 'AAAA' | 'CNAME'
  readonly found: string
  /** '-': it is removed. */
  readonly wanted: string
  /** As it is set; null: not known. Seconds. */
  readonly ttl: number | null
}

export interface SwitchPlan {
  readonly changes: readonly RecordChange[]
  /** Names that follow another one by themselves, and need nothing. */
  readonly following: readonly { readonly domain: string; readonly alias: string }[]
  /** So long somebody may go by the old records, once they are changed. Seconds; null: not known. */
  readonly ttl: number | null
  /** The TTL is lowered first, and so long waited. Seconds; 0: it is low enough. */
  readonly waitFirst: number
}

interface Wanted {
  readonly target: ServerPlan
  readonly seen: EntrySeen | EdgeError
}

/** What to change so that every domain leads to a server, and to nothing else. */
export function planSwitch(site: Site, { target, seen }: Wanted, all: readonly DomainRecords[]): SwitchPlan {
  const following = all.flatMap(records => {
    const alias = aliasOf(records)
    return alias !== null && site.domains.includes(alias) ? [{ domain: records.domain, alias }] : []
  })
  const own = all.filter(({ domain }) => !following.some(one => one.domain === domain))
  const changes = own.flatMap(records => changesOf(records, target, seen))
  const ttls = own.flatMap(records => ttlOf(records) ?? [])
  const ttl = ttls.length === 0 ? null : Math.max(...ttls)
  const waitFirst = changes.length > 0 && ttl !== null && ttl > longestTtl ? ttl : 0
  return { changes, following, ttl, waitFirst }
}

function changesOf(records: DomainRecords, target: ServerPlan, seen: EntrySeen | EdgeError): RecordChange[] {
  const { domain } = records
  const ttl = ttlOf(records)
  const alias = aliasOf(records)
  const found = addressesIn(records)
  if (alias !== null) {
    const isThere = found.length > 0 && found.every(one => addressesOf(target, seen, isIPv6(one)).includes(one))
    const wanted = `a name of ${target.name}, or ${isIPv6(target.address) ? 'AAAA' : 'A'} ${target.address}`
    return isThere ? [] : [{ domain, type: 'CNAME', found: alias, wanted, ttl }]
  }
  return [false, true].flatMap(isSix => {
    const now = found.filter(one => isIPv6(one) === isSix).toSorted()
    const good = addressesOf(target, seen, isSix)
    // deploy.yaml says by which kind a server is reached; the other kind is kept up only where it is in use.
    const next = isIPv6(target.address) === isSix ? [target.address] : now.length > 0 ? good.slice(0, 1) : []
    const isThere = now.length > 0 === next.length > 0 && now.every(one => good.includes(one))
    if (isThere) return []
    const type = isSix ? 'AAAA' : 'A'
    return [{ domain, type, found: now.join(', ') || '-', wanted: next[0] ?? '-', ttl }] as const
  })
}

function aliasOf(records: DomainRecords): string | null {
  return authoritative(records).find(({ alias }) => alias !== null)?.alias ?? null
}

/** Whether everything that it says leads to the server. */
export function leadsTo(addresses: readonly string[], server: ServerPlan, seen: EntrySeen | EdgeError): boolean {
  return addresses.length > 0 && addresses.every(one => addressesOf(server, seen, isIPv6(one)).includes(one))
}
