import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from './client.ts'
import type { Ledger } from './ledger.ts'
import { codeIn, textOf } from './requests.ts'

const piece = randomBytes(64 * 1_024)

/** Uploads one file after another, as fast as a user's line allows, until it is stopped; what comes back must be its hash. */
export async function upload(
  client: Client,
  ledger: () => Ledger,
  { bytes, ms, signal }: { bytes: number; ms: number; signal: AbortSignal }
): Promise<void> {
  const pieces = Math.max(1, Math.round(bytes / piece.length))
  const digest = createHash('sha256')
  for (let i = 0; i < pieces; i++) digest.update(piece)
  const sha256 = digest.digest('hex')
  const send = async (to: Writable): Promise<void> => {
    for (let i = 0; i < pieces && !to.destroyed; i++) {
      if (!to.write(piece)) await once(to, 'drain')
      await pause((ms / pieces) * 2 * Math.random())
    }
    to.end()
  }
  for (let nth = 0; !signal.aborted; nth++) {
    // Half of them say how long they are.
    const length = nth % 2 === 0 ? { 'content-length': String(pieces * piece.length) } : {}
    const headers = { 'content-type': 'application/octet-stream', ...length }
    try {
      const reply = await client({ method: 'POST', path: '/api/v1/upload', headers, send })
      const text = await textOf(reply)
      if (reply.status !== 200 || JSON.parse(text).sha256 !== sha256) throw new Error(`${reply.status} ${codeIn(text)}`)
      ledger().count('uploads')
    } catch (cause) {
      ledger().count('uploadsFailed')
      ledger().blame(`upload: ${(cause as Error).message}`)
      await pause(500)
    }
  }
}
