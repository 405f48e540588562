import { setTimeout as pause } from 'node:timers/promises'
import { type Visited, visit } from './visit.ts'

/** Where a site is entered, and what is asked of it there. */
export interface Entrance {
  readonly address: string
  readonly port: number
  /** PEM of an authority that the edge made for itself; null: the world's are enough. */
  readonly localRoot: string | null
  readonly domains: readonly string[]
  readonly paths: readonly string[]
}

/** What was not answered as it should have been. */
export interface Fault {
  /** https://DOMAIN/PATH at ADDRESS */
  readonly where: string
  readonly why: string
}

export interface Asking {
  readonly say: (line: string) => void
  /** Right after a flip the other edge may need a moment. */
  readonly tries: number
  readonly againMs: number
}

/**
 * Asks for each path of each domain as a browser would, but at this address, whatever DNS says. A certificate that no
 * browser would take is told of: no deploy has made it so, and no rollback would mend it.
 */
export async function askAt(entrance: Entrance, { say, ...asking }: Asking): Promise<Fault[]> {
  const faults: Fault[] = []
  for (const domain of entrance.domains) {
    const distrusts = new Set<string>()
    for (const path of entrance.paths) {
      const seen = await look(entrance, { domain, path, ...asking })
      const where = `https://${domain}${path} at ${entrance.address}`
      if (typeof seen === 'string') faults.push({ where, why: seen })
      else {
        say(`verified ${where}: ${seen.status} in ${Math.round(seen.tookMs)} ms`)
        if (seen.distrust !== '') distrusts.add(seen.distrust)
      }
    }
    for (const distrust of distrusts) say(`WARNING: the certificate of ${domain} was not verified: ${distrust}`)
  }
  return faults
}

/** A name that this one may stand for. */
export function nameIn(domain: string): string {
  return domain.replace(/^\*\./, 'www.')
}

interface Asked extends Omit<Asking, 'say'> {
  readonly domain: string
  readonly path: string
}

/** @returns why it is not good */
async function look(
  { address, port, localRoot }: Entrance,
  { domain, path, tries, againMs }: Asked
): Promise<Visited | string> {
  const roots = localRoot === null ? [] : [localRoot]
  for (let left = tries; ; left--) {
    // It is judged all the same; what it hides is judged as well.
    const seen = await visit({ address, port, domain: nameIn(domain), path, roots, trustsAnyone: true }).catch(
      (cause: Error) => cause.message
    )
    const isGood = typeof seen !== 'string' && seen.status < 400
    if (isGood) return seen
    if (left <= 1) return typeof seen === 'string' ? seen : `it answers ${seen.status}`
    await pause(againMs)
  }
}
