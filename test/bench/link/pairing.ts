import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { Client } from 'undici'
import type { LinkStatus, PairRequest } from '../../../proxy/control/link-protocol.ts'
import type { Running } from '../peers/launch.ts'

const upWithinMs = 30_000

/** Makes each edge take the other's key, as `twinedge link pair` does, and waits until spare lines stand ready on both. */
export async function pair(one: Running, other: Running): Promise<void> {
  const sides = [one, other].map(({ folder }) => join(folder, 'state', 'control.sock'))
  const statuses = await Promise.all(sides.map(side => ask<LinkStatus>(side, 'GET', '/link')))
  for (const [index, side] of sides.entries()) {
    const fingerprint = statuses[1 - index]?.keys.own.fingerprint ?? ''
    await ask(side, 'POST', '/link/pair', { fingerprint, forget: false } satisfies PairRequest)
  }
  for (const side of sides) {
    const lateMs = performance.now() + upWithinMs
    for (let status = await ask<LinkStatus>(side, 'GET', '/link'); !isReady(status); ) {
      if (performance.now() > lateMs) throw new Error(`the link is not up: ${JSON.stringify(status)}`)
      await after(50)
      status = await ask<LinkStatus>(side, 'GET', '/link')
    }
  }
}

function isReady({ state, lines }: LinkStatus): boolean {
  return state === 'up' && lines.spare >= lines.wanted
}

async function ask<T>(socketPath: string, method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const client = new Client('http://control', { socketPath })
  try {
    const wish = { method, path, ...(body && { body: JSON.stringify(body) }) }
    const answer = await client.request({ ...wish, headers: { 'content-type': 'application/json' } })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
    return JSON.parse(text)
  } finally {
    await client.close()
  }
}
