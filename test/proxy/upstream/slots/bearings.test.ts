import t from 'tap'
import type { Peer } from '../../../../proxy/upstream/peer.ts'
import { type Bearings, type Choice, nowhere, slotFor } from '../../../../proxy/upstream/slots/bearings.ts'
import type { Slot } from '../../../../proxy/upstream/slots/slot.ts'
import { noPeer } from '../../../doubles/no-peer.ts'

/** Of a slot, all that decides. */
function slot(name: string, isUp: boolean | null, isPeer = false): Slot {
  const health = isUp === null ? null : { isUp, last: { isGood: isUp, saw: `${name} saw` } }
  return { name, isPeer, health } as unknown as Slot
}

function peer(isUp: boolean, isGood = true): Peer {
  const fault = isUp ? null : ({ code: 'LINK_DOWN', detail: 'cut' } as const)
  return { ...noPeer, fault, look: () => ({ isGood, saw: 'there' }) }
}

const [up, down, unwatched] = [slot('up', true), slot('down', false), slot('unwatched', null)]
const [over, there, stream] = [slot('over', true, true), slot('there', null, true), slot('stream', false)]
const local = { upstream: 'web', active: up, elsewhere: null, peer: peer(false) }
const both = { ...local, elsewhere: there, peer: peer(true) }
const remote = { ...local, active: over, peer: peer(true) }
const back = { ...nowhere, isFromPeer: true }
const rows: [what: string, choice: Choice, bearings: Bearings, goes: Slot | string][] = [
  ['what is up', local, nowhere, up],
  ['what nobody watches', { ...local, active: unwatched }, nowhere, unwatched],
  ['nowhere, when it is down', { ...local, active: down }, nowhere, 'EDGE_UPSTREAM_DOWN: down saw'],
  ['here, when it is up here', both, nowhere, up],
  ['there, when it is down here', { ...both, active: down }, nowhere, there],
  ['there, when it refused here', both, { ...nowhere, refusedBy: up }, there],
  [
    'there, when what nobody watches refused',
    { ...both, active: unwatched },
    { ...nowhere, refusedBy: unwatched },
    there
  ],
  [
    'nowhere, when it is down there too',
    { ...both, active: down, peer: peer(true, false) },
    nowhere,
    'EDGE_UPSTREAM_DOWN'
  ],
  ['nowhere, when the way is cut too', { ...both, active: down, peer: peer(false) }, nowhere, 'EDGE_UPSTREAM_DOWN'],
  ['not back, from the peer', { ...both, active: down }, back, 'EDGE_UPSTREAM_DOWN'],
  ['not back, refused, from the peer', both, { ...back, refusedBy: up }, 'EDGE_UPSTREAM_DOWN'],
  ['here, from the peer', both, back, up],
  ['to the peer', remote, nowhere, over],
  ['not to the peer, from the peer', remote, back, 'LINK_LOOP: each server has web from the other'],
  [
    'not to a peer that is away',
    { ...remote, active: slot('over', false, true), peer: peer(false) },
    nowhere,
    'LINK_DOWN: cut'
  ],
  ['to whom the stream belongs, up or not', both, { ...nowhere, owner: stream }, stream],
  ['to whom the stream belongs, from the peer too', { ...both, active: down }, { ...back, owner: stream }, stream]
]

for (const [what, choice, bearings, goes] of rows) {
  t.test(`a request goes ${what}`, async t => {
    const choose = (): Slot => slotFor(choice, bearings)
    if (typeof goes !== 'string') return void t.equal(choose(), goes)
    const [code, detail = /./] = goes.split(': ')
    t.throws(choose, { code, detail })
  })
}
