import { EdgeError } from '../../errors.ts'
import type { RawHeaders, RequestHead } from '../../http/exchange.ts'
import { isSafeValue, isToken, parseLength } from '../../http/fields.ts'
import { hostOf, isOriginForm } from '../../http/request-head.ts'

/** What each field of a list counts beyond its name and value (RFC 9113 §6.5.2). */
const FIELD_BYTES = 32

/**
 * Reads the head of an HTTP/2 request (RFC 9113 §8.3). nghttp2 has checked pseudo header fields and connection-specific ones;
 * what it lets through but HTTP/1.1 could read differently is refused here.
 * @param raw name, value, name, value… as node:http2 gives them
 * @param limitBytes counted as RFC 9113 §6.5.2 does; nghttp2 applies what we announce only once the client has said that it read it
 * @throws EdgeError
 */
export function readH2Head(raw: readonly string[], hasBody: boolean, limitBytes = Infinity): RequestHead {
  const pseudo: Record<string, string> = {}
  const headers: RawHeaders = []
  let cookie = ''
  let host = ''
  let length = -1
  let expectsContinue = false
  let bytes = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    const value = raw[i + 1]!
    bytes += name.length + value.length + FIELD_BYTES
    if (bytes > limitBytes) throw new EdgeError('EDGE_HEAD_TOO_LARGE', `more than ${limitBytes} bytes`)
    if (name.charCodeAt(0) === 0x3a) {
      pseudo[name] = value
      continue
    }
    if (!isToken(name) || !isSafeValue(value)) throw malformed('a field that is no field')
    switch (name) {
      case 'cookie':
        // One Cookie field in HTTP/1.1, however it was split here (RFC 9113 §8.2.3).
        cookie = cookie === '' ? value : `${cookie}; ${value}`
        break
      case 'host':
        if (host !== '') throw malformed('two Host fields')
        host = value
        break
      case 'content-length':
        if (length !== -1) throw malformed('two Content-Length fields')
        length = parseLength(value)
        if (length === -1) throw malformed('Content-Length is not a plain number')
        break
      case 'expect':
        expectsContinue = value.toLowerCase() === '100-continue'
        break
      case 'te':
      case 'transfer-encoding':
      case 'connection':
      case 'keep-alive':
      case 'proxy-connection':
      case 'upgrade':
      case 'http2-settings':
        break
      default:
        headers.push(name, value)
    }
  }
  if (cookie !== '') headers.push('cookie', cookie)
  const authority = pseudo[':authority'] ?? host
  if (host !== '' && host.toLowerCase() !== authority.toLowerCase()) throw malformed('Host disagrees with :authority')
  const method = pseudo[':method'] ?? ''
  if (method === 'CONNECT' || method === 'TRACE') throw new EdgeError('EDGE_METHOD_REFUSED', method)
  if (!isToken(method)) throw malformed('the method is not a token')
  const target = pseudo[':path'] ?? ''
  if (!isOriginForm(target)) throw malformed(':path is not a path')
  return {
    method,
    host: hostOf(authority),
    authority,
    target,
    headers,
    bodyLength: hasBody ? length : 0,
    expectsContinue: hasBody && expectsContinue,
    isWebSocketUpgrade: false
  }
}

function malformed(what: string): EdgeError {
  return new EdgeError('EDGE_REQUEST_MALFORMED', what)
}
