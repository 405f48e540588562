import type { LimitsConfig } from '../config/config.ts'
import type { Deadlines } from '../deadlines.ts'
import type { EdgeError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'

/** Who answers requests: forward/ behind :443, a redirect behind :80. */
export interface Handler {
  handle(exchange: Exchange): void
  /** A request that the listener could not accept; the handler answers and records it. */
  refuse(exchange: Exchange, error: EdgeError): void
}

/** What every connection of a listener shares. */
export interface ListenerContext {
  readonly handler: Handler
  readonly deadlines: Deadlines
  /** Read at every use: a reload changes it under open connections. */
  limits(): LimitsConfig
  nextId(): string
  /** A proxy of ours: many users come through it. */
  isTrusted(address: string): boolean
}

/** An open client connection, as stopping sees it. */
export interface ClientConnection {
  /** Closes it as soon as nothing is in flight on it. */
  finish(): void
  destroy(): void
}
