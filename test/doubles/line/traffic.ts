import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import type { Line } from '../../../proxy/link/line/line.ts'

/** Bytes that are another one at every offset, so that what is lost, doubled or moved is seen. */
export function bytesAt(offset: number, length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) {
    const at = offset + i
    bytes[i] = (at ^ (at >> 8) ^ (at >> 16) ^ seed) & 0xff
  }
  return bytes
}

/** Writes as fast as it is taken, in pieces of these sizes. @returns the digest, once everything is handed over */
export async function pour(line: Line, bytes: number, sizes: readonly number[], seed: number): Promise<string> {
  const digest = createHash('sha1')
  let at = 0
  for (let i = 0; at < bytes; i++) {
    const chunk = bytesAt(at, Math.min(bytes - at, sizes[i % sizes.length]!), seed)
    digest.update(chunk)
    at += chunk.length
    if (!line.write(chunk)) await once(line, 'drain')
  }
  return digest.digest('hex')
}

/** Reads until the end. @returns the digest, or what ended it instead */
export function drain(line: Line): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const digest: Hash = createHash('sha1')
  let isEnded = false
  line.on('data', (chunk: Buffer) => digest.update(chunk))
  line.once('end', () => {
    isEnded = true
    resolve(digest.digest('hex'))
  })
  line.once('error', error => resolve(error.message))
  line.once('close', () => isEnded || resolve('closed without an end'))
  return promise
}

/** Both directions at once, each ended by its writer as it is through. @returns what was sent and what came, of both */
export async function exchange(
  [one, two]: readonly [Line, Line],
  bytes: readonly [number, number],
  sizes: readonly number[]
): Promise<{ sent: string[]; came: string[] }> {
  const came = Promise.all([drain(two), drain(one)])
  // Ended by one only: the other end ends upon it, as sockets do.
  const sent = await Promise.all([pour(one, bytes[0], sizes, 1), pour(two, bytes[1], sizes, 2)])
  one.end()
  return { sent, came: await came }
}
