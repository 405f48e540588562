import type { Deadlines } from '../../deadlines.ts'
import { EdgeError } from '../../errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { provenanceOf } from '../headers.ts'
import type { Destination, Site } from '../site.ts'
import type { Arrival } from './arrival.ts'

/** From a client on :443: by the routes. */
export class FromClient implements Arrival {
  readonly #deadlines: Deadlines

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines
  }

  destinationOf(exchange: Exchange, site: Site): Destination {
    const { head } = exchange
    const provenance = provenanceOf(head, exchange.clientAddress, exchange.id, site.isTrusted)
    exchange.id = provenance.requestId
    if (!site.router.knows(head.host)) throw new EdgeError('EDGE_HOST_UNKNOWN', head.host)
    if (!site.rate.allows(provenance.realAddress, this.#deadlines.nowMs)) {
      throw new EdgeError('EDGE_RATE_LIMITED', provenance.realAddress)
    }
    const route = site.router.match(head.host, head.target)
    if (route === undefined) throw new EdgeError('EDGE_ROUTE_NOT_FOUND', 'no route has a prefix of this path')
    const upstream = site.upstreams.get(route.upstream)!
    return { route, upstream, provenance, mark: site.loop.lineFor(route.upstream), hsts: site.hsts, isFromPeer: false }
  }
}
