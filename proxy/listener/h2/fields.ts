import type { OutgoingHttpHeaders } from 'node:http2'
import type { RawHeaders } from '../../http/exchange.ts'

/** Interim answers and trailers are not taken as a list by node:http2. */
export function fieldObject(fields: RawHeaders): OutgoingHttpHeaders {
  const object: Record<string, string[]> = Object.create(null)
  for (let i = 0; i < fields.length; i += 2) {
    const values = object[fields[i]!]
    if (values === undefined) object[fields[i]!] = [fields[i + 1]!]
    else values.push(fields[i + 1]!)
  }
  return object
}
