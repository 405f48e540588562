import { X509Certificate } from 'node:crypto'
import type {
  Authority,
  Directory,
  Issued,
  OpenChallenges,
  Order,
  Outcome,
  Refusal,
  RenewalInfo
} from '../../../proxy/acme/authority.ts'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'
import type { PemPair } from '../../../proxy/tls/pem-files.ts'

/** A clock that a test moves. */
export interface Clock {
  nowMs: number
}

export interface Asked {
  readonly atMs: number
  readonly order: Order
  readonly outcome: Outcome<Issued>
}

/** What an authority would do, on a clock that runs a year in seconds; its certificates are real. */
export class SimulatedAuthority implements Authority {
  readonly asked: Asked[] = []
  readonly advised: number[] = []
  readonly #clock: Clock
  readonly #root: PemPair
  readonly #lifeDays: number
  /** What stands against an order; null: nothing. */
  refuse: (order: Order) => Refusal | null = () => null
  /** null: it gives no advice. */
  advise: (cert: X509Certificate) => Outcome<RenewalInfo | null> = () => ({ ok: null })
  /** Told while an order is open. */
  during: (order: Order) => Promise<void> = async () => {}

  private constructor(clock: Clock, root: PemPair, lifeDays: number) {
    this.#clock = clock
    this.#root = root
    this.#lifeDays = lifeDays
  }

  static async make(clock: Clock, lifeDays: number): Promise<SimulatedAuthority> {
    return new SimulatedAuthority(clock, await makeRoot(new Date(clock.nowMs - 86_400_000)), lifeDays)
  }

  async order(order: Order, challenges: OpenChallenges): Promise<Outcome<Issued>> {
    const atMs = this.#clock.nowMs
    await this.during(order)
    challenges.closeAll()
    const refused = this.refuse(order)
    const outcome = refused === null ? { ok: await this.issue(order.domains) } : { refused }
    this.asked.push({ atMs, order, outcome })
    return outcome
  }

  async renewalInfo(_directory: Directory, cert: string): Promise<Outcome<RenewalInfo | null>> {
    this.advised.push(this.#clock.nowMs)
    return this.advise(new X509Certificate(cert))
  }

  stop(): void {}

  issue(domains: readonly string[]): Promise<Issued> {
    return makeLeaf(this.#root, domains, new Date(this.#clock.nowMs), this.#lifeDays)
  }
}
