import type { KeyPlace } from '../config.ts'
import type { Kind } from './kind.ts'

/** The name of a member of a JSON object, at its top. */
export const member: Kind<string> = {
  name: 'member',
  expected: 'the name of a member of the JSON, such as stream_id',
  read: written => (/^[\w$-]{1,64}$/.test(written) ? written : undefined)
}

const PARTS = /^(body|header|cookie|query):([\w!#$%&'*+.^`|~-]{1,64})$/

/** Where a request names the stream that it is about. */
export const keyPlace: Kind<KeyPlace> = {
  name: 'place',
  expected: 'body:NAME, path:NUMBER, header:NAME, cookie:NAME or query:NAME, such as body:stream_id',
  read: written => {
    const [, segment] = /^path:([1-9]\d?)$/.exec(written) ?? []
    if (segment !== undefined) return { part: 'path', segment: Number(segment) }
    const [, part, name = ''] = PARTS.exec(written) ?? []
    if (part === 'body') return member.read(name) === undefined ? undefined : { part, name }
    if (part === 'header') return { part, name: name.toLowerCase() }
    return part === 'cookie' || part === 'query' ? { part, name } : undefined
  },
  why: written => {
    if (written.startsWith('path:')) return 'the number of a segment, from path:1 on: in /jobs/7/events path:2 is 7'
    if (/^body:.*[.[]/.test(written)) return 'a member at the top of the JSON: deeper ones are not looked at'
    if (member.read(written) !== undefined) return `the part of the request as well, such as body:${written}`
    return undefined
  }
}
