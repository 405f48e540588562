import { BlockList, isIPv6 } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { EdgeConfig, UpstreamConfig } from '../config/config.ts'
import type { Deadlines } from '../deadlines.ts'
import { Router } from '../routing/route.ts'
import { type HealthListener, Upstream } from '../upstream/upstream.ts'
import { RateLimit } from './rate-limit.ts'

/** What one configuration makes of a request. A reload makes another; requests in flight keep theirs. */
export interface Site {
  readonly config: EdgeConfig
  readonly router: Router
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** Null: nobody is. */
  readonly isTrusted: ((address: string) => boolean) | null
  readonly rate: RateLimit
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
  return {
    config,
    router: new Router(config.domains, config.routes),
    upstreams: new Map([...config.upstreams.values()].map(wanted => [wanted.name, keepOrMake(wanted)])),
    isTrusted: trustIn(config.trustedProxies),
    rate: new RateLimit(config.limits.requestsPerSecond)
  }
}

/** Starts what is new in `after` and stops what `before` alone has. */
export function switchUpstreams(before: Site | null, after: Site | null): void {
  const kept = new Set(after?.upstreams.values())
  const known = new Set(before?.upstreams.values())
  for (const upstream of kept) if (!known.has(upstream)) upstream.start()
  for (const upstream of known) if (!kept.has(upstream)) upstream.stop()
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
