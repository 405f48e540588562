import type { UpstreamConfig } from '../config/config.ts'
import type { Deadlines } from '../deadlines.ts'
import type { FailureCode } from '../errors.ts'
import { connectorTo } from './connector.ts'
import { Pool } from './pool.ts'

/** A request in flight, as its slot sees it. */
export interface InFlight {
  /** Ends it now: the time that it was given has passed. */
  cut(code: FailureCode): void
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

  /** Ends what is in flight, now. */
  cut(code: FailureCode): void {
    for (const request of [...this.#inFlight]) request.cut(code)
  }

  release(request: InFlight): void {
    this.#inFlight.delete(request)
  }
}
