import { EdgeError } from '../../errors.ts'
import type { Peer } from '../peer.ts'
import type { Slot } from './slot.ts'

/** What decides where a request may go. */
export interface Bearings {
  /** Of the stream that it is about: not asked for its health, for nobody else has that stream. */
  readonly owner: Slot | null
  /** It came from the other server, and may not go back there. */
  readonly isFromPeer: boolean
  /** Did not take it. */
  readonly refusedBy: Slot | null
}

export const nowhere: Bearings = { owner: null, isFromPeer: false, refusedBy: null }

/** Where requests for an upstream can go. */
export interface Choice {
  readonly upstream: string
  readonly active: Slot
  /** On the other server, while the active one is down; null: nowhere else. */
  readonly elsewhere: Slot | null
  readonly peer: Peer
}

/**
 * The slot that takes a request: the active one; else, where that is configured, the other server's.
 * @throws EdgeError EDGE_UPSTREAM_DOWN when the active slot's health check failed; LINK_LOOP for what would go back
 *   where it came from; what stands in the way to the peer
 */
export function slotFor({ upstream, active, elsewhere, peer }: Choice, bearings: Bearings): Slot {
  const { owner, isFromPeer, refusedBy } = bearings
  if (owner !== null) return owner
  if (isFromPeer && active.isPeer) throw new EdgeError('LINK_LOOP', `each server has ${upstream} from the other`)
  const { health } = active
  if (active !== refusedBy && (health === null || health.isUp)) return active
  const { fault } = peer
  if (active.isPeer && fault !== null) throw new EdgeError(fault.code, fault.detail)
  if (elsewhere !== null && !isFromPeer && fault === null && peer.look(upstream).isGood) return elsewhere
  throw new EdgeError('EDGE_UPSTREAM_DOWN', health?.last?.saw ?? 'no probe yet')
}
