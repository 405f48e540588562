import type { KeyPlace } from '../../config/config.ts'
import type { RawHeaders, RequestHead } from '../../http/exchange.ts'
import { firstValue } from '../../http/fields.ts'

const LARGEST_BODY_BYTES = 65_536

/** What stands in the head of a request at this place; null: nothing, or the place is in its body. */
export function keyInHead({ target, headers }: RequestHead, place: KeyPlace): string | null {
  const [path = '', query = ''] = split(target, '?')
  if (place.part === 'path') return decoded(path.split('/')[place.segment])
  if (place.part === 'query') return new URLSearchParams(query).get(place.name)
  if (place.part === 'header') return text(firstValue(headers, place.name))
  return place.part === 'cookie' ? decoded(text(cookie(headers, place.name)) ?? undefined) : null
}

/** Whether its body may be looked at before it is sent: it is small, as it says itself, and JSON. */
export function hasSmallJson({ bodyLength, headers }: RequestHead): boolean {
  if (bodyLength <= 0 || bodyLength > LARGEST_BODY_BYTES) return false
  return /^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i.test(firstValue(headers, 'content-type') ?? '')
}

/** HTTP/2 clients send a field for each cookie. */
function cookie(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'cookie') continue
    for (const pair of headers[i + 1]!.split(';')) {
      const [key = '', value] = split(pair, '=')
      if (key.trim() === name) return value?.trim().replace(/^"(.*)"$/, '$1')
    }
  }
  return undefined
}

/** Fields come as one character per byte. */
function text(value: string | undefined): string | null {
  return value === undefined ? null : Buffer.from(value, 'latin1').toString()
}

function decoded(value: string | undefined): string | null {
  try {
    return value === undefined ? null : decodeURIComponent(value)
  } catch {
    return null
  }
}

function split(whole: string, at: string): [string, string?] {
  const end = whole.indexOf(at)
  return end === -1 ? [whole] : [whole.slice(0, end), whole.slice(end + 1)]
}
