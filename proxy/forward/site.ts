import { randomBytes } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import type { EdgeConfig, HstsConfig, RouteConfig, UpstreamConfig } from '../config/config.ts'
import type { StatusAnswer } from '../control/protocol.ts'
import type { Log } from '../record/log.ts'
import { LoopMark } from '../routing/loop-mark.ts'
import { Router } from '../routing/route.ts'
import { Upstream, type UpstreamContext } from '../upstream/upstream.ts'
import type { Provenance } from './headers.ts'
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
  readonly loop: LoopMark
  /** The value of Strict-Transport-Security on every answer; null: the upstream's own passes. */
  readonly hsts: string | null
}

/** Where a request goes, decided before it is sent. */
export interface Destination {
  readonly route: RouteConfig
  readonly upstream: Upstream
  readonly provenance: Provenance
  /** The line by which this edge knows the request if it comes back. */
  readonly mark: string
  readonly hsts: string | null
  /** It came from the other edge: it must not go back there. */
  readonly isFromPeer: boolean
}

/** @param before what ran until now: its upstreams go on, as what `switchUpstreams` will make of them */
export function buildSite(config: EdgeConfig, context: UpstreamContext, before: Site | null): Site {
  const keepOrMake = (wanted: UpstreamConfig): Upstream =>
    before?.upstreams.get(wanted.name) ?? new Upstream(wanted, context)
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
    // Another one after each start: a copied state folder would make two edges one.
    loop: before?.loop ?? new LoopMark(`twinedge-${randomBytes(4).toString('hex')}`),
    hsts: config.hsts === null ? null : hstsOf(config.hsts)
  }
}

/** The upstreams as configured; in flight is whatever is being sent or answered, under earlier configurations too. */
export function statusOf({ upstreams, leaving }: Site): Pick<StatusAnswer, 'upstreams' | 'inFlight'> {
  const now = [...upstreams.values()]
  const inFlight = [...now, ...leaving].reduce((sum, upstream) => sum + upstream.inFlight, 0)
  return { upstreams: now.flatMap(upstream => upstream.status), inFlight }
}

/** What an operator should look at. */
export function warningsOf({ upstreams }: Site): string[] {
  return [...upstreams.values()].flatMap(({ config, isUp, hold }) => {
    const { mode, waiting } = hold.status
    return [
      ...(isUp ? [] : [`${config.name} is down`]),
      ...(mode === 'paused' ? [`${config.name} is paused: ${waiting} requests wait`] : []),
      ...(mode === 'maintenance' ? [`${config.name} is under maintenance`] : [])
    ]
  })
}

/** The grace time is over: ends everything in flight; each request is told of, and logged, as cut by the edge. @returns how many */
export function cutAll(site: Site): number {
  return [...site.upstreams.values(), ...site.leaving].reduce((sum, upstream) => sum + upstream.cut('EDGE_STOPPING'), 0)
}

/** Tells the operator when an upstream goes down or comes back, and of a pause that nobody has ended. */
export function upstreamLog(log: Log): Pick<UpstreamContext, 'onHealth' | 'onSelfOpened'> {
  return {
    onHealth(upstream, slot, isUp, { saw }) {
      if (isUp) log.info('upstream is up again', { upstream, slot, saw })
      else log.warn('upstream is down', { upstream, slot, saw })
    },
    onSelfOpened: upstream => log.warn('the pause was over: requests go on', { upstream })
  }
}

/** Starts what is new in `after`, changes what has another configuration there, and stops what `before` alone has. */
export function switchUpstreams(before: Site | null, after: Site | null): void {
  const kept = new Set(after?.upstreams.values())
  const known = new Set(before?.upstreams.values())
  for (const upstream of kept) {
    if (known.has(upstream)) upstream.configure(after!.config.upstreams.get(upstream.config.name)!)
    else upstream.start()
  }
  for (const upstream of known) if (!kept.has(upstream)) upstream.stop()
}

function leavingFrom(before: Site | null, kept: ReadonlySet<Upstream>): Upstream[] {
  if (before === null) return []
  const gone = [...before.upstreams.values()].filter(upstream => !kept.has(upstream))
  return [...gone, ...before.leaving].filter(({ inFlight, hold }) => inFlight + hold.status.waiting > 0)
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
