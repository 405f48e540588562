import { EdgeError } from '../errors.ts'
import type { RawHeaders } from './exchange.ts'
import { dropHopByHop, listMembers, parseFields, parseLength } from './fields.ts'

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\0-\x08\x0a-\x1f\x7f]*)?$/

/** How a body ends (RFC 9112 §6.3). */
export type Framing = 'none' | 'length' | 'chunked' | 'close'

/** The head of an upstream's answer, its hop-by-hop fields read and removed. */
export interface ResponseHead {
  readonly status: number
  readonly headers: RawHeaders
  readonly framing: Framing
  /** With framing `length`: bytes; else 0. */
  readonly bodyLength: number
  readonly keepsAlive: boolean
  /** What `Keep-Alive: timeout=` promises; Infinity when it says nothing. */
  readonly keepAliveMs: number
}

/**
 * Reads an answer's head. A HEAD, 204 or 304 keeps its Content-Length and has no body.
 * @throws EdgeError EDGE_UPSTREAM_MALFORMED: also for both Content-Length and Transfer-Encoding (RFC 9112 §6.3)
 */
export function parseResponseHead(text: string, method: string): ResponseHead {
  const lineEnd = text.indexOf('\r\n')
  const line = STATUS_LINE.exec(lineEnd === -1 ? text : text.slice(0, lineEnd))
  if (line === null) throw malformed('the status line')
  const status = Number(line[2])
  const headers = lineEnd === -1 ? [] : parseFields(text, lineEnd + 2, 'EDGE_UPSTREAM_MALFORMED')
  const nominated = new Set<string>()
  let length = -1
  let isChunked = false
  let keepAliveMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!
    switch (headers[i]) {
      case 'content-length':
        if (length !== -1) throw malformed('two Content-Length fields')
        length = parseLength(value)
        if (length === -1) throw malformed('Content-Length is not a plain number')
        break
      case 'transfer-encoding':
        if (isChunked || value.toLowerCase() !== 'chunked') throw malformed('a transfer coding other than chunked')
        isChunked = true
        break
      case 'connection':
        listMembers(value, nominated)
        break
      case 'keep-alive':
        keepAliveMs = Number(/timeout=(\d+)/.exec(value)?.[1] ?? Number.POSITIVE_INFINITY) * 1000
        break
    }
  }
  if (isChunked && length !== -1) throw malformed('both Content-Length and Transfer-Encoding')
  if (status !== 101) dropHopByHop(headers, nominated)
  const framing = framingOf(status, method, isChunked, length)
  const isPersistent = line[1] === '1' ? !nominated.has('close') : nominated.has('keep-alive')
  return {
    status,
    headers,
    framing,
    bodyLength: framing === 'length' ? length : 0,
    keepsAlive: isPersistent && framing !== 'close',
    keepAliveMs
  }
}

function framingOf(status: number, method: string, isChunked: boolean, length: number): Framing {
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return 'none'
  if (isChunked) return 'chunked'
  return length === -1 ? 'close' : 'length'
}

function malformed(what: string): EdgeError {
  return new EdgeError('EDGE_UPSTREAM_MALFORMED', what)
}
