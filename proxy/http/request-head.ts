import { EdgeError } from '../errors.ts'
import type { RawHeaders, RequestHead } from './exchange.ts'
import { dropHopByHop, listMembers, parseFields, parseLength } from './fields.ts'

// '#' never belongs in a request target (RFC 9112 §3.2); bytes from 0x80 up are what sloppy clients send: passed as they are.
const START_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([!"$-~\x80-\xff]+) HTTP\/(\d)\.(\d)$/
const TARGET = /^\/[!"$-~\x80-\xff]*$/
const AUTHORITY = /^(\[[0-9a-fA-F:.]{2,45}\]|[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9_.])?)(?::(\d{1,5}))?$/
const ABSOLUTE_FORM = /^https?:\/\/([^/?]*)(.*)$/i

/** A request head in HTTP/1.x, with what its connection needs to know besides. */
export interface ParsedRequest {
  readonly head: RequestHead
  readonly isHttp10: boolean
  /** False: the client asked for the connection to be closed after the answer. */
  readonly keepsAlive: boolean
}

/**
 * Reads a request head (RFC 9112 §3) and refuses whatever two readers could read differently.
 * @param text from the first byte of the request line to before the empty line, one latin1 character per byte
 * @throws EdgeError: the code says what the client is told
 */
export function parseRequestHead(text: string): ParsedRequest {
  const lineEnd = text.indexOf('\r\n')
  const line = START_LINE.exec(lineEnd === -1 ? text : text.slice(0, lineEnd))
  if (line === null) throw malformed('the request line')
  const method = line[1]!
  if (line[3] !== '1' || (line[4] !== '0' && line[4] !== '1')) {
    throw new EdgeError('EDGE_VERSION_REFUSED', `HTTP/${line[3]}.${line[4]}`)
  }
  if (method === 'CONNECT' || method === 'TRACE') throw new EdgeError('EDGE_METHOD_REFUSED', method)
  const headers = lineEnd === -1 ? [] : parseFields(text, lineEnd + 2, 'EDGE_REQUEST_MALFORMED')
  const isHttp10 = line[4] === '0'
  const meaning = readMeaning(headers, isHttp10)
  const { authority, target } = resolveTarget(line[2]!, meaning.authority)
  const isWebSocketUpgrade = isUpgrade(method, meaning, isHttp10)
  dropHopByHop(headers, meaning.nominated)
  return {
    head: {
      method,
      host: hostOf(authority),
      authority,
      target,
      headers,
      bodyLength: meaning.isChunked ? -1 : meaning.length,
      expectsContinue: meaning.expectsContinue && !isHttp10,
      isWebSocketUpgrade
    },
    isHttp10,
    keepsAlive: !isHttp10 && !meaning.nominated.has('close')
  }
}

/**
 * The host name of an authority, in lower case, without port and final dot.
 * @throws EdgeError when it is not `host` or `host:port` (user information, paths, spaces are not)
 */
export function hostOf(authority: string): string {
  const parts = AUTHORITY.exec(authority)
  if (parts === null || Number(parts[2] ?? 0) > 65_535) throw malformed('Host is not host[:port]')
  const host = parts[1]!.toLowerCase()
  return host.endsWith('.') ? host.slice(0, -1) : host
}

/** True for an origin-form target without spaces, control characters or a fragment. */
export function isOriginForm(target: string): boolean {
  return TARGET.test(target)
}

interface Meaning {
  authority: string
  length: number
  isChunked: boolean
  expectsContinue: boolean
  upgrade: string
  readonly nominated: Set<string>
}

/** Takes Host, Content-Length and Expect out of `headers` and reads all that steers the framing. */
function readMeaning(headers: RawHeaders, isHttp10: boolean): Meaning {
  const found: Meaning = {
    authority: '',
    length: -1,
    isChunked: false,
    expectsContinue: false,
    upgrade: '',
    nominated: new Set()
  }
  let hosts = 0
  let kept = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    switch (name) {
      case 'host':
        hosts++
        found.authority = value
        continue
      case 'content-length':
        if (found.length !== -1) throw malformed('two Content-Length fields')
        found.length = parseLength(value)
        if (found.length === -1) throw malformed('Content-Length is not a plain number')
        continue
      case 'transfer-encoding':
        if (isHttp10) throw malformed('Transfer-Encoding in HTTP/1.0')
        if (found.isChunked) throw malformed('two Transfer-Encoding fields')
        if (value.toLowerCase() !== 'chunked')
          throw new EdgeError('EDGE_TRANSFER_CODING', 'a transfer coding other than chunked')
        found.isChunked = true
        continue
      case 'expect':
        found.expectsContinue = value.toLowerCase() === '100-continue'
        continue
      case 'connection':
        listMembers(value, found.nominated)
        continue
      case 'upgrade':
        found.upgrade = value.toLowerCase()
        continue
    }
    headers[kept++] = name
    headers[kept++] = value
  }
  headers.length = kept
  if (hosts !== 1) throw malformed(hosts === 0 ? 'no Host' : 'two Host fields')
  if (found.isChunked && found.length !== -1) throw malformed('both Content-Length and Transfer-Encoding')
  if (found.length === -1) found.length = 0
  return found
}

/** Origin-form as it is; absolute-form only when it agrees with Host (RFC 9112 §3.2.2 lets it win; agreeing is safer). */
function resolveTarget(target: string, authority: string): { authority: string; target: string } {
  if (target.startsWith('/')) return { authority, target }
  const absolute = ABSOLUTE_FORM.exec(target)
  if (absolute === null) throw malformed('the request target is neither a path nor a URL')
  if (absolute[1]!.toLowerCase() !== authority.toLowerCase()) throw malformed('Host disagrees with the request target')
  const path = absolute[2]!
  return { authority, target: path.startsWith('/') ? path : `/${path}` }
}

/** Other upgrades (h2c above all, which smuggles requests past an edge) are not passed on: the request is answered as it is. */
function isUpgrade(method: string, meaning: Meaning, isHttp10: boolean): boolean {
  if (meaning.upgrade !== 'websocket' || !meaning.nominated.has('upgrade') || isHttp10) return false
  if (method !== 'GET' || meaning.isChunked || meaning.length > 0) throw malformed('a WebSocket upgrade with a body')
  return true
}

function malformed(what: string): EdgeError {
  return new EdgeError('EDGE_REQUEST_MALFORMED', what)
}
