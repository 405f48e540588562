import type { Deadlines } from '../deadlines.ts'
import { EdgeError } from '../errors.ts'
import { type ConnectionOwner, UpstreamConnection } from './connection.ts'
import type { Connector } from './connector.ts'

/** What the upstream said it keeps, less this: its FIN needs time to reach us. */
const KEEP_ALIVE_MARGIN_MS = 1_000

/** The connections to one origin. The one used last is used next, so that spare ones age and go. */
export class Pool implements ConnectionOwner {
  readonly #connector: Connector
  readonly #keepAliveMs: number
  readonly #most: number
  readonly #deadlines: Deadlines
  readonly #idle: UpstreamConnection[] = []
  #open = 0
  #isClosed = false

  /** @param most connections at once; 0: no limit */
  constructor(connector: Connector, keepAliveMs: number, most: number, deadlines: Deadlines) {
    this.#connector = connector
    this.#keepAliveMs = keepAliveMs
    this.#most = most
    this.#deadlines = deadlines
  }

  get open(): number {
    return this.#open
  }

  /**
   * A connection to send one request on; it may still be connecting.
   * @throws EdgeError EDGE_UPSTREAM_BUSY at the limit
   */
  take(): UpstreamConnection {
    const now = this.#deadlines.nowMs
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.dueMs > now) return idle
      idle.destroy()
    }
    return this.takeFresh()
  }

  /** The same, but never one that may have been closed at the other end. */
  takeFresh(): UpstreamConnection {
    if (this.#most > 0 && this.#open >= this.#most) this.#idle.shift()?.destroy()
    if (this.#most > 0 && this.#open >= this.#most)
      throw new EdgeError('EDGE_UPSTREAM_BUSY', `${this.#open} connections are open`)
    this.#open++
    return new UpstreamConnection(this.#connector, this, this.#deadlines)
  }

  onIdle(connection: UpstreamConnection): void {
    const keepMs = Math.min(this.#keepAliveMs, connection.keepAliveMs - KEEP_ALIVE_MARGIN_MS)
    if (this.#isClosed || keepMs <= 0) return connection.destroy()
    connection.dueMs = this.#deadlines.nowMs + keepMs
    this.#idle.push(connection)
  }

  onClosed(connection: UpstreamConnection): void {
    this.#open--
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
  }

  /** Closes what is idle now and the rest as it becomes idle. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#idle.splice(0)) connection.destroy()
  }
}
