import type { FailureRow } from './row.ts'

/** The link between the two edges. */
export const linkFailures = {
  LINK_DOWN: { status: 503, side: 'upstream', next: 'twinedge link shows why; it is tried again by itself' },
  LINK_LOOP: {
    status: 508,
    side: 'operator',
    next: 'let one of the two servers run this upstream itself: twinedge link'
  },
  LINK_OFF: { status: 0, side: 'operator', next: 'set link.peer, then: twinedge reload' },
  LINK_UNPAIRED: { status: 0, side: 'operator', next: 'twinedge link pair, on both servers' },
  LINK_KEY_UNKNOWN: { status: 0, side: 'operator', next: 'twinedge link pair, on both servers' },
  LINK_KEY_EXPIRED: { status: 0, side: 'operator', next: 'twinedge link rotate, on the server whose key it is' },
  LINK_VERSION: {
    status: 0,
    side: 'operator',
    next: 'bring the older of the two edges up to date; or correct link.peer, if that is not the port of its link'
  },
  LINK_CLOCK: { status: 0, side: 'operator', next: 'set the clock, on both servers: timedatectl set-ntp true' },
  LINK_UNREACHABLE: {
    status: 0,
    side: 'operator',
    next: 'look whether the other edge runs; if it does, open the port of its link to this server, in the firewall and at the provider'
  },
  LINK_STRANGER: {
    status: 0,
    side: 'operator',
    next: 'nothing to do; if it is the other server, add its address to link.from'
  },
  LINK_SLOW: { status: 0, side: 'operator', next: 'twinedge link check measures the line and looks at the host' },
  LINK_PEER_REFUSED: { status: 0, side: 'operator', next: 'read the log of the other edge: docker compose logs edge' },
  LINK_TUNE_REFUSED: { status: 0, side: 'operator', next: 'on the server itself, as root: sudo twinedge link tune' },
  LINK_NO_GO: { status: 0, side: 'operator', next: 'mend the reasons above, then: twinedge standby' }
} as const satisfies Record<string, FailureRow>
