import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { LimitsConfig } from '../../config/config.ts'
import type { Handler, ListenerContext } from '../context.ts'
import { H1Connection } from './connection.ts'

/**
 * The other edge has its own patience with its clients, and a line that is cut for a minute comes back: nothing is late
 * here but a client of an edge that is gone, and of that the link tells.
 */
const limits: LimitsConfig = {
  connections: Number.POSITIVE_INFINITY,
  connectionsPerAddress: Number.POSITIVE_INFINITY,
  streams: 1,
  // Its own limit, and what it adds.
  headBytes: 1_048_576,
  headMs: Number.POSITIVE_INFINITY,
  bodyBytesPerSecond: 0,
  keepAliveMs: Number.POSITIVE_INFINITY,
  sendMs: Number.POSITIVE_INFINITY,
  requestsPerSecond: 0
}

/** HTTP on the lines from the other edge. */
export class LineConnections {
  readonly #context: Pick<ListenerContext, 'deadlines' | 'nextId'>
  readonly #open = new Set<H1Connection>()
  #isStopping = false

  constructor(context: Pick<ListenerContext, 'deadlines' | 'nextId'>) {
    this.#context = context
  }

  /** @param line does what a socket does; 'last' says that no other request is to come on it */
  take(line: Duplex, address: string, handler: Handler): void {
    const { deadlines, nextId } = this.#context
    const context = { deadlines, nextId, handler, limits: () => limits, isTrusted: () => true }
    const connection = new H1Connection(line as Socket, context, address)
    this.#open.add(connection)
    line.once('close', () => {
      this.#open.delete(connection)
      if (this.#isStopping && this.#open.size === 0) this.#onEmpty()
    })
    line.once('last', () => connection.finish())
    if (this.#isStopping) connection.finish()
  }

  /** No new requests; those in flight have `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true
    for (const connection of this.#open) connection.finish()
    if (this.#open.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    const deadline = setTimeout(() => {
      for (const connection of this.#open) connection.destroy()
    }, graceMs)
    await promise
    clearTimeout(deadline)
  }

  #onEmpty: () => void = () => {}
}
