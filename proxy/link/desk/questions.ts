import type { PeerReport } from '../../control/protocol.ts'
import { EdgeError } from '../../errors.ts'
import type { Link } from '../link.ts'
import type { Questions } from './desk.ts'

/** What the other edge may ask of this one for itself. */
export function questionsTo(link: Link, report: () => PeerReport): Questions {
  return {
    'GET /.link/report': report,
    'POST /.link/keys': async (body, by) => {
      await link.held.keys.takeFromPeer(readOrder(body), by)
      return {}
    }
  }
}

/** @throws EdgeError EDGE_USAGE; what is in it is judged by who carries it out */
function readOrder(body: Buffer): { add?: string; drop?: string } {
  const order: unknown = JSON.parse(body.toString())
  const { add, drop } = (order ?? {}) as { add?: unknown; drop?: unknown }
  if (typeof add === 'string') return { add }
  if (typeof drop === 'string') return { drop }
  throw new EdgeError('EDGE_USAGE', 'add or drop is the fingerprint of a key')
}
