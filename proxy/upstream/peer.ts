import type { FailureCode } from '../errors.ts'
import type { Connector } from './connector.ts'
import type { Health, Probe } from './health-check.ts'

/** The other server, as upstreams see it. */
export interface Peer {
  /** Ways to it that are open already. */
  readonly connector: Connector
  /** What stands in the way to it; null: nothing. */
  readonly fault: { readonly code: FailureCode; readonly detail: string } | null
  /** Whether it runs its upstream of this name itself, and that is up, as far as it has told. */
  look(upstream: string): Probe
}

/** The origin of what the other server runs. */
export const PEER_ORIGIN = 'peer'

/** Names the upstream that the other edge means. Ours between the edges: no client may send it, no upstream gets it. */
export const UPSTREAM_FIELD = 'x-twinedge-upstream'

/** Its own edge probes it; here it is only a question of the way there. */
export class PeerHealth implements Health {
  readonly #peer: Peer
  readonly #upstream: string

  constructor(peer: Peer, upstream: string) {
    this.#peer = peer
    this.#upstream = upstream
  }

  /** What the other edge says of its upstream is for it to tell clients: it may hold them for a moment. */
  get isUp(): boolean {
    return this.#peer.fault === null
  }

  get last(): Probe {
    const { fault } = this.#peer
    return fault === null ? this.#peer.look(this.#upstream) : { isGood: false, saw: fault.detail }
  }

  start(): void {}
  startAnew(): void {}
  stop(): void {}
}
