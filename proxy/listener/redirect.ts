import type { EdgeConfig } from '../config/config.ts'
import { EdgeError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { answerFailure } from '../http/failure-answer.ts'
import type { AccessEntry } from '../record/access-line.ts'
import type { Handler } from './context.ts'

/** ACME asks here, in clear text, whatever the site does (RFC 8555 §8.3). */
const ACME_PATH = '/.well-known/acme-challenge/'

/** :80: everything goes to https, path and query byte for byte (manual 6.1); only ACME's path is left alone. */
export class Redirect implements Handler {
  readonly #config: () => EdgeConfig
  readonly #httpsPort: () => number
  readonly #record: (entry: AccessEntry) => void

  /** @param httpsPort what clients reach: it is named in the URL unless it is 443 */
  constructor(config: () => EdgeConfig, httpsPort: () => number, record: (entry: AccessEntry) => void) {
    this.#config = config
    this.#httpsPort = httpsPort
    this.#record = record
  }

  handle(exchange: Exchange): void {
    const { host, target } = exchange.head
    if (!this.#config().domains.includes(host)) return this.refuse(exchange, new EdgeError('EDGE_HOST_UNKNOWN', host))
    if (target.startsWith(ACME_PATH))
      return this.refuse(exchange, new EdgeError('EDGE_ROUTE_NOT_FOUND', 'no challenge is open'))
    const port = this.#httpsPort()
    const location = `https://${host}${port === 443 ? '' : `:${port}`}${target}`
    exchange.respond(301, ['location', location, 'content-length', '0', 'date', new Date().toUTCString()], 0)
    exchange.end()
    this.#record(entryOf(exchange, null))
  }

  refuse(exchange: Exchange, error: EdgeError): void {
    answerFailure(exchange, error.code)
    this.#record(entryOf(exchange, error))
  }
}

function entryOf(exchange: Exchange, failure: EdgeError | null): AccessEntry {
  const { head } = exchange
  const total = performance.now() - exchange.beganMs
  return {
    id: exchange.id,
    client: exchange.clientAddress,
    method: head.method,
    host: head.host,
    path: head.target,
    protocol: exchange.protocol,
    route: null,
    upstream: null,
    slot: null,
    status: exchange.status,
    ended: failure === null ? 'complete' : 'edge',
    in: exchange.bytesIn,
    out: exchange.bytesOut,
    ttfb: total,
    total,
    code: failure?.code ?? null,
    detail: failure?.detail ?? null
  }
}
