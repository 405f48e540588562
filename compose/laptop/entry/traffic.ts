import { setTimeout as pause } from 'node:timers/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import type { EntrySeen } from '../../server/entry/records.ts'
import type { ServerPlan, Site } from '../plan/site.ts'
import { type Entry, openEntry } from './entry.ts'
import { visit } from './visit.ts'

/** What an edge counted between two looks. */
export interface Counted {
  readonly requests: number
  /** Open at the second look; not those of the link. */
  readonly connections: number
}

export interface Traffic {
  /** What a request to it got, for each domain: '' where it was served. */
  readonly visits: ReadonlyMap<string, string>
  /** At the new entry, our own requests among them. */
  readonly there: Counted
  /** At the old one, before and after; why not, where it is not reached. */
  readonly left: { readonly before: Counted; readonly after: Counted } | EdgeError
}

/** One request for each domain, as a browser at that address. @returns why not, by domain; '' where it was served */
export async function visitAll(site: Site, { address }: ServerPlan, port: number): Promise<Map<string, string>> {
  const path = site.verify[0] ?? '/'
  const asked = site.domains.map(async domain => [domain, await whyNot({ address, port, domain, path })] as const)
  return new Map(await Promise.all(asked))
}

async function whyNot(asked: Parameters<typeof visit>[0]): Promise<string> {
  try {
    const { status } = await visit(asked)
    return status < 400 ? '' : `it answers ${status} for ${asked.path}`
  } catch (cause) {
    return (cause as Error).message
  }
}

/**
 * Whether the new entry serves, and counts what it serves; and what still comes to the old one, over two equal spans.
 * @throws EdgeError SSH_*, SERVER_TOOL_*, EDGE_NOT_RUNNING of the new entry
 */
export async function seeTraffic(site: Site, entry: Entry, old: ServerPlan, spanMs: number): Promise<Traffic> {
  const leaving = openEntry(site, old)
    .then(one => watchOld(one, spanMs))
    .catch(orError)
  const before = await entry.look()
  const visits = await visitAll(site, entry.server, before.httpsPort)
  const left = await leaving
  const after = await entry.look()
  return { visits, there: countBetween(before, after), left }
}

async function watchOld(entry: Entry, spanMs: number): Promise<{ before: Counted; after: Counted }> {
  try {
    const looks = [await entry.look()]
    for (let at = 0; at < 2; at++) {
      await pause(spanMs)
      looks.push(await entry.look())
    }
    return { before: countBetween(looks[0]!, looks[1]!), after: countBetween(looks[1]!, looks[2]!) }
  } finally {
    await entry.close()
  }
}

function orError(cause: unknown): EdgeError {
  if (cause instanceof EdgeError) return cause
  throw cause
}

/** A restart or a swap lets the counts begin anew: then what is there counts. */
function countBetween(before: EntrySeen, after: EntrySeen): Counted {
  const [was, is] = [requestsIn(before), requestsIn(after)]
  let requests = 0
  for (const [name, count] of is) requests += count >= (was.get(name) ?? 0) ? count - (was.get(name) ?? 0) : count
  return { requests, connections: after.status.connections }
}

/** Each upstream once, however many slots it has. */
function requestsIn({ status }: EntrySeen): Map<string, number> {
  return new Map(status.upstreams.map(({ name, tally }) => [name, tally.requests]))
}
