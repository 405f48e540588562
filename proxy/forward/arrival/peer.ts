import type { RouteConfig } from '../../config/config.ts'
import { EdgeError } from '../../errors.ts'
import type { Exchange, RequestHead } from '../../http/exchange.ts'
import { firstValue } from '../../http/fields.ts'
import { UPSTREAM_FIELD } from '../../upstream/peer.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import { provenanceFromPeer } from '../headers.ts'
import type { Destination, Site } from '../site.ts'
import type { Arrival } from './arrival.ts'
import { isRehearsal } from './rehearsal.ts'

/** The other edge has its own limits, and they come first. */
const PEER_IDLE_MS = 3_600_000

/** From the other edge: to the upstream that it names, if that runs here. What it says of the client is believed. */
export const fromPeer: Arrival = {
  destinationOf(exchange: Exchange, site: Site): Destination {
    const { head } = exchange
    const name = firstValue(head.headers, UPSTREAM_FIELD) ?? ''
    const provenance = provenanceFromPeer(head, exchange.clientAddress, exchange.id)
    exchange.id = provenance.requestId
    const upstream = site.upstreams.get(name)
    if (upstream === undefined)
      throw new EdgeError('EDGE_ROUTE_NOT_FOUND', `there is no upstream ${JSON.stringify(name)} here`)
    if (isRehearsal(head)) exchange.head = asProbe(head, upstream)
    return {
      route: routeFor(name, head, site),
      upstream,
      provenance,
      mark: site.loop.lineFor(name),
      hsts: null,
      isFromPeer: true
    }
  }
}

/** The other edge does not know where an upstream is probed. @throws EdgeError EDGE_ROUTE_NOT_FOUND: it is not, here */
function asProbe(head: RequestHead, { active, config }: Upstream): RequestHead {
  const { name, health } = config
  if (health === null) throw new EdgeError('EDGE_ROUTE_NOT_FOUND', `${name} is not probed`)
  return { ...head, target: health.path, authority: active.isPeer ? head.authority : new URL(active.origin).host }
}

/** Ours for this path, where it leads to the same upstream: it knows whose streams are whose. */
function routeFor(upstream: string, head: RequestHead, site: Site): RouteConfig {
  const route = site.router.match(head.host, head.target)
  if (route?.upstream === upstream) return { ...route, bodyLimitBytes: Number.POSITIVE_INFINITY, idleMs: PEER_IDLE_MS }
  const path = '/'
  return {
    host: null,
    path,
    upstream,
    stream: false,
    idleMs: PEER_IDLE_MS,
    bodyLimitBytes: Number.POSITIVE_INFINITY,
    learn: null,
    owner: []
  }
}
