import { setTimeout as pause } from 'node:timers/promises'
import type { LinkKeys, LinkStatus } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { askEdge } from './edge-command.ts'
import type { Orders, Work } from './step.ts'

type Pair = readonly [Work, Work]

/** A handshake over half the world, and the pause between two tries. */
const linkMs = 30_000
const lookMs = 500

/**
 * Has the two edges know each other, and waits until their link is up.
 * @throws EdgeError SERVER_LINK_DOWN
 */
export async function pairUp(
  [one, other]: readonly Work[],
  { dryRun }: Pick<Orders, 'dryRun'>,
  say: (line: string) => void,
  waitMs = linkMs
): Promise<{ readonly count: number; readonly isUp: boolean }> {
  const lacking = one === undefined || other === undefined ? null : await lackingKeys([one, other])
  if (lacking === null || one === undefined) {
    say('link: it waits for an edge with LINK_PEER on both servers; the old ports stay as they are until it is up')
    return { count: 0, isUp: false }
  }
  for (const [work, fingerprint] of lacking) {
    say(`link: ${work.server.name} ${dryRun ? 'would take' : 'takes'} the key ${fingerprint}`)
  }
  if (!dryRun) await Promise.all(lacking.map(([work, fingerprint]) => takeKey(work, fingerprint)))
  const link = dryRun ? null : await awaitLink(one, waitMs)
  const isUp = link?.state === 'up'
  if (isUp) say(`link: the two servers know each other; it is up (${Math.round(link.roundTripMs ?? 0)} ms)`)
  if (!isUp && !dryRun) throw new EdgeError('SERVER_LINK_DOWN', whyDown(link))
  return { count: lacking.length, isUp: isUp || (dryRun && lacking.length === 0) }
}

function whyDown(link: LinkStatus | null): string {
  if (link?.fault == null) return 'the edge does not say why'
  return `${link.fault.code}: ${link.fault.detail}`
}

/**
 * Has each edge take the key of the other one; a key that came over ssh is as good as one that was read aloud.
 * @returns null where an edge is not there yet, or has no link
 */
async function lackingKeys(pair: Pair): Promise<readonly (readonly [Work, string])[] | null> {
  const keys = await Promise.all(pair.map(keysOf))
  const [one, other] = keys
  if (one == null || other == null) return null
  const lacks = (its: LinkKeys, { own }: LinkKeys): boolean =>
    !its.peer.some(key => key.fingerprint === own.fingerprint)
  return [
    ...(lacks(one, other) ? [[pair[0], other.own.fingerprint] as const] : []),
    ...(lacks(other, one) ? [[pair[1], one.own.fingerprint] as const] : [])
  ]
}

/** @throws EdgeError SERVER_STEP_FAILED */
async function takeKey(work: Work, fingerprint: string): Promise<void> {
  const said = await askEdge(work, ['link', 'pair', fingerprint, '--json'])
  if (said === null) throw new EdgeError('SERVER_STEP_FAILED', `${work.server.name}: twinedge link pair ${fingerprint}`)
}

/** @returns how it is, at the end of `waitMs` at the latest */
async function awaitLink(work: Work, waitMs: number): Promise<LinkStatus | null> {
  for (const lateMs = performance.now() + waitMs; ; await pause(lookMs)) {
    const said = await askEdge(work, ['link', '--json'])
    const link = said === null ? null : (JSON.parse(said) as LinkStatus)
    if (link === null || link.state === 'up' || performance.now() > lateMs) return link
  }
}

async function keysOf(work: Work): Promise<LinkKeys | null> {
  const said = await askEdge(work, ['link', 'pair', '--json'])
  return said === null ? null : (JSON.parse(said) as LinkKeys)
}
