import { lookup } from 'node:dns/promises'
import type { ServerName, Site } from '../plan/site.ts'
import { nameIn } from './entrance.ts'

/** Nobody waits longer for a name. */
const longestMs = 5_000

/** To which servers a domain leads, as this machine sees it; none: elsewhere, or nobody knows it. */
export type Leads = ReadonlyMap<string, readonly ServerName[]>

export async function leadsOf({ domains, servers }: Pick<Site, 'domains' | 'servers'>): Promise<Leads> {
  const found = domains.map(async domain => {
    const addresses = await addressesOf(nameIn(domain))
    return [domain, servers.filter(({ address }) => addresses.includes(address)).map(({ name }) => name)] as const
  })
  return new Map(await Promise.all(found))
}

async function addressesOf(name: string): Promise<string[]> {
  const { promise: late, resolve } = Promise.withResolvers<string[]>()
  const timer = setTimeout(resolve, longestMs, [])
  const known = lookup(name, { all: true }).then(
    all => all.map(({ address }) => address),
    () => []
  )
  return Promise.race([known, late]).finally(() => clearTimeout(timer))
}
