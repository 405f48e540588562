import { noteGarbage } from '../../garbage.ts'
import type { RawHeaders } from '../../http/exchange.ts'

/** Field lines as HTTP/1.1 writes them (RFC 9112 §5). */
export function fieldLines(headers: RawHeaders): string {
  let text = ''
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  return text
}

/** One buffer, one TLS record, one packet where it fits. @param bytes the parts' lengths together */
export function joinParts(parts: readonly (string | Uint8Array)[], bytes: number): Buffer {
  const whole = Buffer.allocUnsafe(bytes)
  noteGarbage(bytes)
  let at = 0
  for (const part of parts) {
    if (typeof part === 'string') whole.write(part, at, 'latin1')
    else whole.set(part, at)
    at += part.length
  }
  return whole
}
