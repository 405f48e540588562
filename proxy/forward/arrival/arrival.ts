import type { Exchange } from '../../http/exchange.ts'
import type { Destination, Site } from '../site.ts'

/** How a request came here, and what that means for where it may go. */
export interface Arrival {
  /**
   * Gives the exchange its id, too, as soon as that is known.
   * @throws EdgeError when it goes nowhere
   */
  destinationOf(exchange: Exchange, site: Site): Destination
}
