import type { TlsOptions } from 'node:tls'
import type { Address, EdgeConfig } from '../config/config.ts'
import { EdgeError } from '../errors.ts'
import type { Admission } from './admission.ts'
import type { ListenerContext } from './context.ts'
import { createHttpListener } from './http.ts'
import { createHttpsListener } from './https.ts'
import type { Listener } from './listener.ts'
import type { AlpnChallenges } from './tls/challenge-server.ts'

type Kind = 'http' | 'https'

/** What listeners of either kind are made of. */
export interface FrontOptions {
  readonly http: ListenerContext
  readonly https: ListenerContext
  readonly tls: (handshakeMs: number) => TlsOptions
  readonly challenges: AlpnChallenges
  readonly admission: Admission
}

/** Listeners that are bound but not yet ours: `keep()` closes what they replace, `drop()` closes them again. */
export interface Change {
  keep(): void
  drop(): void
}

/** Every port of the edge; a reload opens and closes ports without touching the ones that stay. */
export class Front {
  readonly #options: FrontOptions
  /** Ports that a reload took away, until the last connection on them has ended. */
  readonly #leaving = new Map<Listener, Promise<void>>()
  #bound = new Map<string, Listener>()

  constructor(options: FrontOptions) {
    this.#options = options
  }

  /**
   * Binds what `config` wants and is not there yet.
   * @throws EdgeError when one cannot be bound; then none is
   */
  async open(config: EdgeConfig): Promise<Change> {
    const after = new Map<string, Listener>()
    const fresh: Listener[] = []
    const drop = (): void => {
      for (const listener of fresh) void listener.stop()
    }
    try {
      for (const [kind, address] of addressesOf(config)) {
        const key = `${kind} ${address.host} ${address.port}`
        const known = this.#bound.get(key)
        const listener = known ?? this.#make(kind, address)
        if (known === undefined) {
          await listener.start()
          fresh.push(listener)
        }
        after.set(key, listener)
      }
    } catch (error) {
      drop()
      throw this.#explain(error)
    }
    return { drop, keep: () => this.#keep(after) }
  }

  /** The port in use, by kind, in the order of the configuration. */
  ports(kind: Kind): number[] {
    return [...this.#bound].filter(([key]) => key.startsWith(`${kind} `)).map(([, listener]) => listener.port)
  }

  /**
   * No new connections; resolves when the last one is closed, by its end or by the deadline.
   * @param onLate called at the deadline, before what is still open is closed
   */
  async stop(graceMs: number, onLate: () => void): Promise<void> {
    const all = [...this.#bound.values(), ...this.#leaving.keys()]
    const deadline = setTimeout(() => {
      onLate()
      // What the requests were told goes out before their connections close.
      setImmediate(() => {
        for (const listener of all) listener.destroyAll()
      })
    }, graceMs)
    await Promise.all([...[...this.#bound.values()].map(listener => listener.stop()), ...this.#leaving.values()])
    clearTimeout(deadline)
  }

  #make(kind: Kind, address: Address): Listener {
    const { http, https, tls, challenges, admission } = this.#options
    if (kind === 'http') return createHttpListener(address, http, admission)
    return createHttpsListener(address, { tls, challenges, context: https }, admission)
  }

  #keep(after: Map<string, Listener>): void {
    for (const [key, listener] of this.#bound) {
      if (after.has(key)) continue
      this.#leaving.set(
        listener,
        listener.stop().finally(() => this.#leaving.delete(listener))
      )
    }
    this.#bound = after
  }

  /** "Stop what listens there" is no help when that is this edge: http and https swapped, or `443` made `192.0.2.1:443`. */
  #explain(error: unknown): unknown {
    if (!(error instanceof EdgeError) || error.code !== 'EDGE_PORT_TAKEN') return error
    const own = [...this.#bound.values()].find(({ port }) => error.detail.includes(`:${port} `))
    if (own === undefined) return error
    const detail = `${error.detail}, by this edge as it runs: such a change needs a restart`
    return new EdgeError('EDGE_PORT_TAKEN', detail, error)
  }
}

function addressesOf({ listen }: EdgeConfig): [Kind, Address][] {
  return [
    ...listen.http.map((address): [Kind, Address] => ['http', address]),
    ...listen.https.map((address): [Kind, Address] => ['https', address])
  ]
}
