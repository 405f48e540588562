import type { Peer } from '../../proxy/upstream/peer.ts'

/** There is no other server. */
export const noPeer: Peer = {
  connector: {
    connectMs: 1_000,
    isWarm: true,
    readyEvent: 'connect',
    connect: () => {
      throw new Error('nobody is to go to a peer here')
    }
  },
  fault: { code: 'LINK_DOWN', detail: 'no link is configured' },
  look: () => ({ isGood: false, saw: 'no link is configured' })
}
