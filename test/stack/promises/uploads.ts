import { createHash, randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { converse, converseJson } from '../../doubles/stack/conversation.ts'
import type { Way } from './way.ts'

export const MB = 1_000_000
/** The manual's client_max_body_size. */
const LIMIT_BYTES = 100 * 1024 * 1024
const piece = randomBytes(MB)
const path = '/api/v1/upload'

/** `megabytes` of a body, each MB unlike the one before it. */
async function* file(megabytes: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < megabytes; i++) yield Buffer.concat([piece.subarray(i), piece.subarray(0, i)])
}

async function hashOf(megabytes: number): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of file(megabytes)) hash.update(part)
  return hash.digest('hex')
}

async function* form(megabytes: number): AsyncGenerator<Buffer> {
  yield Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="报表.xlsx"\r\n\r\n')
  yield* file(megabytes)
  yield Buffer.from('\r\n--b--\r\n')
}

/** A body as it is, with its length: what a browser's fetch sends of a file. */
export async function rawArrives(t: Test, { edge, protocol }: Way, megabytes: number): Promise<void> {
  const headers = { 'content-length': String(megabytes * MB) }
  const answer = await converseJson(t, edge, protocol, { method: 'POST', path, headers, body: file(megabytes) })
  t.match(answer, { bytes: megabytes * MB, sha256: await hashOf(megabytes) })
}

/** A form, without its length. */
export async function formArrives(t: Test, { edge, protocol }: Way, megabytes: number): Promise<void> {
  const headers = { 'content-type': 'multipart/form-data; boundary=b' }
  const answer = await converseJson(t, edge, protocol, { method: 'POST', path, headers, body: form(megabytes) })
  t.match(answer, { filename: '报表.xlsx', bytes: megabytes * MB, sha256: await hashOf(megabytes) })
}

/** One byte too many, declared; or too many that were not. */
export async function tooMuchIsRefused(t: Test, { edge, protocol }: Way, isDeclared: boolean): Promise<void> {
  const declared = { headers: { 'content-length': String(LIMIT_BYTES + 1) }, body: null }
  const what = isDeclared ? declared : { body: file(106) }
  const answer = await converse(t, edge, protocol, { method: 'POST', path, ...what })
  t.equal(answer.status, 413)
  const id = answer.headers['x-request-id']
  t.match(id, /^\S{8,}$/)
  t.match(JSON.parse(await text(answer.body)), { error: { code: 'EDGE_BODY_TOO_LARGE', request: id } })
}
