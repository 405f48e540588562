import type { Address, EdgeConfig } from '../config/config.ts'
import type { Listener } from './listener.ts'

/** Makes a listener that is not bound yet. */
export interface ListenerMakers {
  http(address: Address): Listener
  https(address: Address): Listener
}

/** Listeners that are bound but not yet ours: `keep()` closes what they replace, `drop()` closes them again. */
export interface Change {
  keep(): void
  drop(): void
}

/** Every port of the edge; a reload opens and closes ports without touching the ones that stay. */
export class Front {
  readonly #makers: ListenerMakers
  readonly #stopping = new Set<Promise<void>>()
  #bound = new Map<string, Listener>()

  constructor(makers: ListenerMakers) {
    this.#makers = makers
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
        const listener = known ?? this.#makers[kind](address)
        if (known === undefined) {
          await listener.start()
          fresh.push(listener)
        }
        after.set(key, listener)
      }
    } catch (error) {
      drop()
      throw error
    }
    return { drop, keep: () => this.#keep(after) }
  }

  /** The port in use, by kind, in the order of the configuration. */
  ports(kind: 'http' | 'https'): number[] {
    return [...this.#bound].filter(([key]) => key.startsWith(`${kind} `)).map(([, listener]) => listener.port)
  }

  /** No new connections; resolves when the last one is closed, by its end or by the deadline. */
  async stop(graceMs: number): Promise<void> {
    const all = [...this.#bound.values()]
    const deadline = setTimeout(() => {
      for (const listener of all) listener.destroyAll()
    }, graceMs)
    await Promise.all([...all.map(listener => listener.stop()), ...this.#stopping])
    clearTimeout(deadline)
  }

  #keep(after: Map<string, Listener>): void {
    for (const [key, listener] of this.#bound) {
      if (after.has(key)) continue
      const stopping = listener.stop().finally(() => this.#stopping.delete(stopping))
      this.#stopping.add(stopping)
    }
    this.#bound = after
  }
}

function addressesOf({ listen }: EdgeConfig): ['http' | 'https', Address][] {
  return [
    ...listen.http.map((address): ['http', Address] => ['http', address]),
    ...listen.https.map((address): ['https', Address] => ['https', address])
  ]
}
