import type { EdgeConfig } from '../config/config.ts'
import { EdgeError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { answerFailure } from '../http/failure-answer.ts'
import type { Handler } from './context.ts'

/** ACME asks here, in clear text, whatever the site does (RFC 8555 §8.3). */
const ACME_PATH = '/.well-known/acme-challenge/'

/** :80: everything goes to https, path and query byte for byte (manual 6.1); only ACME's path is left alone. */
export class Redirect implements Handler {
  readonly #config: () => EdgeConfig
  readonly #httpsPort: () => number

  /** @param httpsPort what clients reach: it is named in the URL unless it is 443 */
  constructor(config: () => EdgeConfig, httpsPort: () => number) {
    this.#config = config
    this.#httpsPort = httpsPort
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
  }

  refuse(exchange: Exchange, error: EdgeError): void {
    answerFailure(exchange, error.code)
  }
}
