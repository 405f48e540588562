import type { EdgeConfig } from '../config/config.ts'
import { EdgeError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { answerFailure } from '../http/failure-answer.ts'
import type { AccessEntry } from '../record/access-line.ts'
import type { Handler } from './context.ts'

/** ACME asks here, in clear text, whatever the site does (RFC 8555 §8.3). */
const ACME_PATH = '/.well-known/acme-challenge/'

/** What proves a token to be ours or the peer's; null: nothing does. */
export type AnswerTo = (token: string) => string | null

/** :80: everything goes to https, path and query byte for byte (manual 6.1); only what ACME asks is answered here. */
export class Redirect implements Handler {
  readonly #config: () => EdgeConfig
  readonly #httpsPort: () => number
  readonly #record: (entry: AccessEntry) => void
  readonly #answerTo: AnswerTo

  /** @param httpsPort what clients reach: it is named in the URL unless it is 443 */
  constructor(
    config: () => EdgeConfig,
    httpsPort: () => number,
    record: (entry: AccessEntry) => void,
    answerTo: AnswerTo
  ) {
    this.#config = config
    this.#httpsPort = httpsPort
    this.#record = record
    this.#answerTo = answerTo
  }

  handle(exchange: Exchange): void {
    const { host, target } = exchange.head
    // Whatever the host: what the peer alone serves is proved here too, and there is no secret in it.
    if (target.startsWith(ACME_PATH)) return this.#prove(exchange)
    if (!this.#config().domains.includes(host)) return this.refuse(exchange, new EdgeError('EDGE_HOST_UNKNOWN', host))
    const port = this.#httpsPort()
    const location = `https://${host}${port === 443 ? '' : `:${port}`}${target}`
    exchange.respond(301, ['location', location, 'content-length', '0', 'date', new Date().toUTCString()], 0)
    exchange.end()
    this.#record(entryOf(exchange, null))
  }

  /** HTTP-01: as the bytes that RFC 8555 §8.3 shows, so that no browser takes them for a page. */
  #prove(exchange: Exchange): void {
    const { method, target } = exchange.head
    const [token = ''] = target.slice(ACME_PATH.length).split('?', 1)
    const answer = method === 'GET' || method === 'HEAD' ? this.#answerTo(token) : null
    if (answer === null) return this.refuse(exchange, new EdgeError('EDGE_ROUTE_NOT_FOUND', 'no challenge is open'))
    const body = Buffer.from(answer)
    const date = new Date().toUTCString()
    const headers = ['content-type', 'application/octet-stream', 'content-length', String(body.length), 'date', date]
    exchange.respond(200, headers, body.length)
    if (method !== 'HEAD') exchange.write(body)
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
