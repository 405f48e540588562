import { BlockList, isIPv6 } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { EdgeConfig, HstsConfig, UpstreamConfig } from '../config/config.ts'
import type { StatusAnswer } from '../control/protocol.ts'
import type { Deadlines } from '../deadlines.ts'
import type { Log } from '../record/log.ts'
import { Router } from '../routing/route.ts'
import { type HealthListener, Upstream } from '../upstream/upstream.ts'
import { RateLimit } from './rate-limit.ts'

/** What one configuration makes of a request. A reload makes another; requests in flight keep theirs. */
export interface Site {
  readonly config: EdgeConfig
  readonly router: Router
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** Upstreams of earlier configurations to which something is still in flight. */
  readonly leaving: readonly Upstream[]
  /** Null: nobody is. */
  readonly isTrusted: ((address: string) => boolean) | null
  readonly rate: RateLimit
  /** The value of Strict-Transport-Security on every answer; null: the upstream's own passes. */
  readonly hsts: string | null
}

/** @param before what ran until now: its unchanged upstreams go on, with their connections and what is known of their health */
export function buildSite(
  config: EdgeConfig,
  deadlines: Deadlines,
  onHealth: HealthListener,
  before: Site | null
): Site {
  const keepOrMake = (wanted: UpstreamConfig): Upstream => {
    const known = before?.upstreams.get(wanted.name)
    return known !== undefined && isDeepStrictEqual(known.config, wanted)
      ? known
      : new Upstream(wanted, deadlines, onHealth)
  }
  const upstreams = new Map([...config.upstreams.values()].map(wanted => [wanted.name, keepOrMake(wanted)]))
  const { requestsPerSecond } = config.limits
  const hasSameRate = before !== null && before.config.limits.requestsPerSecond === requestsPerSecond
  return {
    config,
    router: new Router(config.domains, config.routes),
    upstreams,
    leaving: leavingFrom(before, new Set(upstreams.values())),
    isTrusted: trustIn(config.trustedProxies),
    // A reload is no pardon: what an address has used up stays used up.
    rate: hasSameRate ? before.rate : new RateLimit(requestsPerSecond),
    hsts: config.hsts === null ? null : hstsOf(config.hsts)
  }
}

/** The upstreams as configured; in flight is whatever is being sent or answered, under earlier configurations too. */
export function statusOf({ upstreams, leaving }: Site): Pick<StatusAnswer, 'upstreams' | 'inFlight'> {
  const now = [...upstreams.values()].flatMap(upstream => upstream.status)
  const all = [...now, ...leaving.flatMap(upstream => upstream.status)]
  return { upstreams: now, inFlight: all.reduce((sum, slot) => sum + slot.inFlight, 0) }
}

/** What an operator should look at. */
export function warningsOf({ upstreams }: Site): string[] {
  const down = [...upstreams.values()].filter(upstream => !upstream.isUp)
  return down.map(({ config }) => `${config.name} is down`)
}

/** The grace time is over: ends everything in flight; each request is told of, and logged, as cut by the edge. @returns how many */
export function cutAll(site: Site): number {
  const { inFlight } = statusOf(site)
  for (const upstream of [...site.upstreams.values(), ...site.leaving]) upstream.cut('EDGE_STOPPING')
  return inFlight
}

/** Tells the operator when an upstream goes down or comes back. */
export function healthLog(log: Log): HealthListener {
  return (upstream, slot, isUp, { saw }) => {
    if (isUp) log.info('upstream is up again', { upstream, slot, saw })
    else log.warn('upstream is down', { upstream, slot, saw })
  }
}

/** Starts what is new in `after` and stops what `before` alone has. */
export function switchUpstreams(before: Site | null, after: Site | null): void {
  const kept = new Set(after?.upstreams.values())
  const known = new Set(before?.upstreams.values())
  for (const upstream of kept) if (!known.has(upstream)) upstream.start()
  for (const upstream of known) if (!kept.has(upstream)) upstream.stop()
}

function leavingFrom(before: Site | null, kept: ReadonlySet<Upstream>): Upstream[] {
  if (before === null) return []
  const gone = [...before.upstreams.values()].filter(upstream => !kept.has(upstream))
  return [...gone, ...before.leaving].filter(upstream => upstream.status.some(slot => slot.inFlight > 0))
}

/** RFC 6797 §6.1. */
function hstsOf({ maxAgeMs, subdomains, preload }: HstsConfig): string {
  const maxAge = `max-age=${Math.floor(maxAgeMs / 1000)}`
  return `${maxAge}${subdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}

function trustIn(blocks: readonly string[]): ((address: string) => boolean) | null {
  if (blocks.length === 0) return null
  const list = new BlockList()
  for (const block of blocks) {
    const [address = '', bits] = block.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return address => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
