import { request } from 'node:https'
import { getCACertificates, type TLSSocket } from 'node:tls'

/** One request as a browser's, but to an address of ours, whatever DNS says. */
export interface Visit {
  readonly address: string
  readonly port: number
  readonly domain: string
  readonly path: string
  /** PEM of authorities besides those that this machine knows. */
  readonly roots?: readonly string[]
  /** A certificate that a browser would refuse is told of, and no reason to refuse the answer. */
  readonly trustsAnyone?: boolean
}

export interface Visited {
  readonly status: number
  readonly tookMs: number
  /** Why the certificate would not do; '' when it does. */
  readonly distrust: string
}

const longestMs = 10_000

/** @throws Error with the reason, in one line; a certificate that a browser would refuse is one */
export function visit({ address, port, domain, path, roots = [], trustsAnyone = false }: Visit): Promise<Visited> {
  const { promise, resolve, reject } = Promise.withResolvers<Visited>()
  const began = performance.now()
  const asked = request({
    host: address,
    port,
    servername: domain,
    path,
    agent: false,
    headers: { host: port === 443 ? domain : `${domain}:${port}`, 'user-agent': 'twinedge' },
    rejectUnauthorized: !trustsAnyone,
    ca: [...getCACertificates('default'), ...roots],
    signal: AbortSignal.timeout(longestMs)
  })
  asked.once('error', cause => reject(new Error(reasonOf(cause), { cause })))
  asked.once('response', answer => {
    const status = answer.statusCode ?? 0
    const tookMs = performance.now() - began
    // What a failing answer says is nobody's business here, nor how long it goes on.
    const { authorizationError } = answer.socket as TLSSocket
    answer.socket.destroy()
    resolve({ status, tookMs, distrust: String(authorizationError ?? '') })
  })
  asked.end()
  return promise
}

function reasonOf(cause: NodeJS.ErrnoException): string {
  if (cause.name === 'AbortError' || cause.name === 'TimeoutError') return `no answer within ${longestMs / 1_000} s`
  return cause.code === undefined ? cause.message : `${cause.code}: ${cause.message}`.replace(/^(\w+): \1/, '$1')
}
