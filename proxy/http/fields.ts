import { EdgeError, type FailureCode } from '../errors.ts'
import type { RawHeaders } from './exchange.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// A tab is allowed inside a value; bytes from 0x80 up pass as they are (Chinese file names in Content-Disposition).
const FORBIDDEN_IN_VALUE = /[\0-\x08\x0a-\x1f\x7f]/
const MOST_FIELDS = 256

/** Fields that belong to one connection and never cross the edge (RFC 9110 §7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings'
])

/** What `Connection` may not take away, whatever it nominates: removing these would change whose request it is. */
const NOT_NOMINABLE =
  /^(?:host|content-length|content-type|transfer-encoding|cookie|authorization|x-real-ip|x-request-id|cdn-loop|forwarded|x-forwarded-.*|sec-websocket-.*)$/

/** Fields that must not come after a body (RFC 9110 §6.5.1): framing, routing, authentication. */
const NOT_A_TRAILER =
  /^(?:host|content-.*|transfer-encoding|trailer|te|connection|keep-alive|upgrade|http2-settings|cookie|set-cookie|authorization|proxy-.*|cache-control|expect|max-forwards|range|age|date|location|vary|forwarded|x-forwarded-.*|x-real-ip|x-request-id)$/

/** Nor these: as header fields they are taken from strangers' requests, and some readers put trailers among the header fields. */
const NOT_A_STRANGERS =
  /^(?:x-original-.*|x-rewrite-url|x-middleware-.*|x-invoke-.*|x-now-route-matches|x-matched-path|x-next-.*|x-prerender-.*|next-resume|x-twinedge-.*)$/

/**
 * Splits field lines (RFC 9112 §5) as strictly as it reads: no folding, no space before the colon, no bare CR or LF.
 * @param text one latin1 character per byte, without the empty line at its end
 * @throws EdgeError with `code`
 */
export function parseFields(text: string, from: number, code: FailureCode): RawHeaders {
  const fields: RawHeaders = []
  let at = from
  while (at < text.length) {
    let end = text.indexOf('\r\n', at)
    if (end === -1) end = text.length
    const colon = text.indexOf(':', at)
    if (colon === -1 || colon > end) throw new EdgeError(code, 'a field line has no colon')
    const name = text.slice(at, colon)
    if (!TOKEN.test(name)) throw new EdgeError(code, 'a field name is not a token')
    const value = trim(text, colon + 1, end)
    if (FORBIDDEN_IN_VALUE.test(value)) throw new EdgeError(code, `the value of ${name} has a control character`)
    if (fields.push(name.toLowerCase(), value) > 2 * MOST_FIELDS) throw new EdgeError(code, 'too many fields')
    at = end + 2
  }
  return fields
}

/** HTTP/2 is not text, so what it carries is checked again before it becomes lines (RFC 9113 §10.3). */
export function isSafeValue(value: string): boolean {
  return !FORBIDDEN_IN_VALUE.test(value)
}

export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/** Removes, in place, the fields of the connection itself and those that `nominated` (the values of Connection) names. */
export function dropHopByHop(fields: RawHeaders, nominated: ReadonlySet<string>): void {
  let kept = 0
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    if (HOP_BY_HOP.has(name)) continue
    if (nominated.size > 0 && nominated.has(name) && !NOT_NOMINABLE.test(name)) continue
    fields[kept++] = name
    fields[kept++] = fields[i + 1]!
  }
  fields.length = kept
}

/** The members of a comma-separated list such as Connection, in lower case. */
export function listMembers(value: string, into: Set<string>): void {
  for (const member of value.toLowerCase().split(',')) {
    const name = member.trim()
    if (name !== '') into.add(name)
  }
}

/** Content-Length as RFC 9110 §8.6 writes it, but without leading zeros or lists; -1 when it is anything else. */
export function parseLength(value: string): number {
  return /^(?:0|[1-9]\d{0,14})$/.test(value) ? Number(value) : -1
}

/** Trailers without those that could not have been acted on in time, or must not be. */
export function allowedTrailers(fields: RawHeaders): RawHeaders {
  const allowed: RawHeaders = []
  for (let i = 0; i < fields.length; i += 2) {
    // Some readers take `content_length` for Content-Length.
    const plain = fields[i]!.replaceAll('_', '-')
    if (!NOT_A_TRAILER.test(plain) && !NOT_A_STRANGERS.test(plain)) allowed.push(fields[i]!, fields[i + 1]!)
  }
  return allowed
}

/** The first value of a field, or undefined. */
export function firstValue(fields: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
  return undefined
}

function trim(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isBlank(character: number): boolean {
  return character === 0x20 || character === 0x09
}
