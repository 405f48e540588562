import { Resolver } from 'node:dns/promises'
import type { NameEvidence } from './evidence.ts'

/** What DNS says when a name, or that kind of address, is not there. */
const none = new Set(['ENODATA', 'ENOTFOUND'])
const patience = { timeout: 2_000, tries: 2 }

/** Where each domain leads, by the resolvers of this machine. */
export function lookUp(domains: readonly string[]): Promise<NameEvidence[]> {
  const resolver = new Resolver(patience)
  return Promise.all(
    domains.map(async (domain): Promise<NameEvidence> => {
      try {
        const found = (
          await Promise.all([
            resolver.resolve4(domain, { ttl: true }).catch(orNone),
            resolver.resolve6(domain, { ttl: true }).catch(orNone)
          ])
        ).flat()
        const ttl = found.length === 0 ? null : Math.max(...found.map(record => record.ttl))
        return { domain, addresses: found.map(({ address }) => address), ttl, failure: null }
      } catch (cause) {
        return { domain, addresses: [], ttl: null, failure: (cause as Error).message }
      }
    })
  )
}

function orNone(cause: NodeJS.ErrnoException): never[] {
  if (none.has(String(cause.code))) return []
  throw cause
}
