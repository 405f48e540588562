import type { RawHeaders, RequestHead } from '../http/exchange.ts'
import { mediaTypeOf } from './media-types.ts'
import { negotiate } from './negotiation.ts'
import type { Blob, Coding } from './store/blobs.ts'

/** What is answered about a file, and which bytes of which copy go out. */
export interface Answer {
  readonly status: 200 | 206 | 304 | 412 | 416
  readonly headers: RawHeaders
  /** null: as it came. */
  readonly coding: Coding | null
  readonly from: number
  /** 0: no body. */
  readonly bytes: number
}

/** The name says what is in it, so nobody needs to ask again for a year. */
const forever = 'public, max-age=31536000, immutable'

/** The answer to a GET or HEAD of a file that is here (RFC 9110 §13.2.2, §14.2). @param path for its media type */
export function answerTo({ method, headers }: RequestHead, path: string, blob: Blob): Answer {
  const media = mediaTypeOf(path)
  const range = method === 'GET' ? rangeIn(all(headers, 'range'), blob.bytes) : null
  // Ranges are of the file as it came: a client that goes on with a download has no other.
  const isRanged = range !== null && goesOnWith(all(headers, 'if-range'), tagOf(blob, null))
  const coding = isRanged || !media.isCompressible ? null : negotiate(all(headers, 'accept-encoding'), blob.copies)
  const tag = tagOf(blob, coding)
  const about = ['etag', tag, 'cache-control', forever, ...(media.isCompressible ? ['vary', 'accept-encoding'] : [])]
  const without = (status: 304 | 412 | 416, more: RawHeaders): Answer => {
    return { status, headers: [...about, ...more], coding, from: 0, bytes: 0 }
  }
  const mustMatch = all(headers, 'if-match')
  if (mustMatch !== undefined && !hasTag(mustMatch, tag)) return without(412, ['content-length', '0'])
  const noneMatch = all(headers, 'if-none-match')
  if (noneMatch !== undefined && hasTag(noneMatch.replaceAll('W/', ''), tag)) return without(304, [])
  if (isRanged && range === 'outside') {
    return without(416, ['content-range', `bytes */${blob.bytes}`, 'content-length', '0'])
  }
  about.push('content-type', media.type)
  if (isRanged && range !== 'outside') {
    const bytes = range.to - range.from + 1
    about.push('content-range', `bytes ${range.from}-${range.to}/${blob.bytes}`, 'content-length', String(bytes))
    return { status: 206, headers: about, coding: null, from: range.from, bytes }
  }
  const bytes = coding === null ? blob.bytes : blob.copies.get(coding)!
  about.push(...(coding === null ? ['accept-ranges', 'bytes'] : ['content-encoding', coding]))
  about.push('content-length', String(bytes))
  return { status: 200, headers: about, coding, from: 0, bytes: method === 'HEAD' ? 0 : bytes }
}

/** Of each copy its own: they have other bytes (RFC 9110 §8.8.3.3). */
function tagOf({ hash }: Blob, coding: Coding | null): string {
  return `"${hash.slice(0, 32)}${coding === null ? '' : `-${coding}`}"`
}

/** @returns null for none, several, or what is no range: all of them mean the whole file */
function rangeIn(field: string | undefined, size: number): { from: number; to: number } | 'outside' | null {
  const [, first, last] = /^bytes[ \t]*=[ \t]*(\d{0,15})-(\d{0,15})$/i.exec(field ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return null
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'outside' : { from: size - length, to: size - 1 }
  }
  const from = Number(first)
  const to = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < from) return null
  return from < size ? { from, to } : 'outside'
}

/** Strong comparison (RFC 9110 §13.1.5); a date is none of ours. */
function goesOnWith(ifRange: string | undefined, tag: string): boolean {
  return ifRange === undefined || ifRange === tag
}

function hasTag(list: string, tag: string): boolean {
  return list.trim() === '*' || list.split(',').some(member => member.trim() === tag)
}

/** All lines of a field together (RFC 9110 §5.3). */
function all(headers: RawHeaders, name: string): string | undefined {
  let joined: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) joined = joined === undefined ? headers[i + 1]! : `${joined}, ${headers[i + 1]}`
  }
  return joined
}
