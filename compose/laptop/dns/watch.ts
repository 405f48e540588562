import { setTimeout as pause } from 'node:timers/promises'
import { askFor, type NameServer, type Told } from './name-server.ts'

/** One question that is asked until it is answered as wanted: of a server, for a domain. */
interface Watched {
  readonly domain: string
  readonly server: NameServer
}

/** Where a question stands. */
export interface Standing extends Watched {
  /** `198.51.100.4`, `nothing`, or why there is no answer. */
  readonly says: string
  readonly isThere: boolean
  /** What is left of what it remembers; 0: it has the records itself, or says nothing. Seconds. */
  readonly left: number
}

export interface WatchTerms {
  readonly withinMs: number
  readonly everyMs: number
  /** Whether these are what is wanted. */
  isThere(addresses: readonly string[]): boolean
  /** Whenever something has changed, and at the beginning. */
  onChange(standing: Standing): void
  readonly signal: AbortSignal
}

/** Asks all of them, again and again, until all say what is wanted or the time is over. @returns where each stands */
export async function watchNames(all: readonly Watched[], terms: WatchTerms): Promise<readonly Standing[]> {
  const end = performance.now() + terms.withinMs
  let last: readonly Standing[] = []
  for (;;) {
    const now = await Promise.all(all.map(one => lookAgain(one, terms)))
    now.forEach((standing, at) => {
      const { says, isThere } = last[at] ?? {}
      if (standing.says !== says || standing.isThere !== isThere) terms.onChange(standing)
    })
    last = now
    const rest = end - performance.now()
    if (now.every(({ isThere }) => isThere) || rest <= 0 || terms.signal.aborted) return now
    await pause(Math.min(terms.everyMs, rest), undefined, { signal: terms.signal }).catch(() => {})
  }
}

async function lookAgain({ domain, server }: Watched, { isThere }: WatchTerms): Promise<Standing> {
  const told = await askFor(server, domain)
  const addresses = told.addresses.map(({ address }) => address)
  const left = server.isAuthority ? 0 : Math.max(0, ...told.addresses.map(({ ttl }) => ttl))
  return { domain, server, says: wordsOf(told), isThere: told.failure === null && isThere(addresses), left }
}

function wordsOf({ addresses, failure }: Told): string {
  const list = addresses.map(({ address }) => address).toSorted()
  return failure ?? (list.join(', ') || 'nothing')
}
