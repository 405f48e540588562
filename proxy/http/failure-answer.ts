import { STATUS_CODES } from 'node:http'
import type { FailureCode } from '../errors.ts'
import { failures } from '../errors.ts'
import type { Exchange, RawHeaders } from './exchange.ts'
import { firstValue } from './fields.ts'

/**
 * Answers a request that failed: a small page for a browser, JSON for everybody else.
 * It says the code and the request id, by which the operator finds the log line, and nothing of what lies behind the edge.
 * @param hsts only over TLS: a browser ignores it elsewhere, and it must not be sent (RFC 6797 §7.2)
 */
export function answerFailure(exchange: Exchange, code: FailureCode, hsts: string | null = null): void {
  const status = failures[code].status
  const isPage = (firstValue(exchange.head.headers, 'accept') ?? '').includes('text/html')
  const body = Buffer.from(isPage ? page(status, code, exchange.id) : json(status, code, exchange.id))
  const headers: RawHeaders = [
    'content-type',
    isPage ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length',
    String(body.length),
    'cache-control',
    'no-store',
    'date',
    new Date().toUTCString(),
    'x-request-id',
    exchange.id
  ]
  if (status === 429 || status === 503) headers.push('retry-after', code === 'EDGE_MAINTENANCE' ? '30' : '1')
  if (status === 405) headers.push('allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  if (hsts !== null) headers.push('strict-transport-security', hsts)
  exchange.respond(status, headers, body.length)
  if (exchange.head.method !== 'HEAD') exchange.write(body)
  exchange.end()
}

/** Tells the client that its request failed, as far as it can still be told. @param isAnswered a head has gone out */
export function tellFailure(exchange: Exchange, code: FailureCode, isAnswered: boolean, hsts: string | null): void {
  try {
    if (isAnswered) exchange.abort()
    else answerFailure(exchange, code, hsts)
  } catch {
    // A stream that closed in this very moment: nobody is there, and the end has still to be recorded.
    exchange.abort()
  }
}

function json(status: number, code: string, id: string): string {
  return `${JSON.stringify({ error: { code, message: STATUS_CODES[status], request: id } })}\n`
}

function page(status: number, code: string, id: string): string {
  const title = `${status} ${STATUS_CODES[status]}`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem}
h1{font-size:1.5rem;margin:0 0 .5rem}
code{font:14px ui-monospace,monospace}
p{margin:.25rem 0}
</style>
<h1>${title}</h1>
<p>${status < 500 ? 'The request could not be accepted.' : 'Please try again in a moment.'}</p>
<p><code>${code}</code></p>
<p>Request <code>${id}</code></p>
</html>
`
}
