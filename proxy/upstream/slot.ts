import type { UpstreamConfig } from '../config/config.ts'
import type { Deadlines } from '../deadlines.ts'
import { connectorTo } from './connector.ts'
import { Pool } from './pool.ts'

/** A request in flight, as its slot sees it. */
export interface InFlight {
  /** Ends it now: the deadline of a drain has passed. */
  cut(): void
}

/** Half of a blue/green pair: where it is, and what is in flight to it. */
export class Slot {
  readonly name: string
  readonly origin: string
  readonly pool: Pool
  readonly #inFlight = new Set<InFlight>()

  constructor(name: string, origin: string, config: UpstreamConfig, deadlines: Deadlines) {
    this.name = name
    this.origin = origin
    this.pool = new Pool(connectorTo(origin, config.connectMs), config.keepAliveMs, config.connections, deadlines)
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  admit(request: InFlight): void {
    this.#inFlight.add(request)
  }

  release(request: InFlight): void {
    this.#inFlight.delete(request)
  }
}
