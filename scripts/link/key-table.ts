import type { LinkKey, LinkKeys } from '../../proxy/control/protocol.ts'
import { nextHere, span, table } from '../terminal.ts'

const dayMs = 86_400_000

/** Every key that the link knows of, with the time that it has left. */
export function keyTable({ own, next, peer }: LinkKeys, nowMs: number): string {
  const rows = [
    ['this server', ...cells(own, nowMs)],
    ...(next === null ? [] : [['this server, next', ...cells(next, nowMs)]]),
    ...peer.map(key => ['the other server', ...cells(key, nowMs)])
  ]
  return table([['KEY OF', 'FINGERPRINT', 'DAYS LEFT'], ...rows])
}

/** What a person does about them; empty: nothing. */
export function keyAdvice({ own, next, peer }: LinkKeys, nowMs: number): string[] {
  const leftMs = Date.parse(own.expiresAt ?? '') - nowMs
  return [
    ...(leftMs <= 0 ? [`The key of this server has expired: ${nextHere('twinedge link rotate')}`] : []),
    ...(next === null ? [] : ['The next key of this server is handed over as soon as the link is up']),
    ...(peer.length === 0
      ? ['No key of the other server was taken yet: type twinedge link pair there, and here what it prints']
      : [])
  ]
}

function cells({ fingerprint, expiresAt }: LinkKey, nowMs: number): [string, string] {
  if (expiresAt === null) return [fingerprint, 'not seen yet']
  const leftMs = Date.parse(expiresAt) - nowMs
  if (leftMs <= 0) return [fingerprint, 'EXPIRED']
  return [fingerprint, leftMs < dayMs ? `0 (${span(leftMs)})` : `${Math.floor(leftMs / dayMs)}`]
}
