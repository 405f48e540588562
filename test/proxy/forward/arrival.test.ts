import t from 'tap'
import { readConfig } from '../../../proxy/config/load.ts'
import { Deadlines } from '../../../proxy/deadlines.ts'
import type { Arrival } from '../../../proxy/forward/arrival/arrival.ts'
import { FromClient } from '../../../proxy/forward/arrival/client.ts'
import { fromPeer } from '../../../proxy/forward/arrival/peer.ts'
import { buildSite, type Site } from '../../../proxy/forward/site.ts'
import type { Exchange } from '../../../proxy/http/exchange.ts'
import { yamlFor } from '../../doubles/edge.ts'
import { noPeer } from '../../doubles/no-peer.ts'

function siteAfter(before: Site | null): Site {
  const config = readConfig(`${yamlFor({ web: 'http://127.0.0.1:811' })}state: /tmp\n`, 'edge.yaml', {})
  return buildSite(
    config,
    { deadlines: new Deadlines(), peer: noPeer, promotedSlot: () => undefined, onHealth() {}, onSelfOpened() {} },
    before
  )
}

const headers = ['x-twinedge-upstream', 'web']
const exchange = { head: { host: 'localhost', target: '/', headers }, clientAddress: '192.0.2.1', id: 'an-id-of-ours' }

t.test(
  'wherever a request came from, it goes on with the mark of this edge, which a reload leaves as it is',
  async t => {
    const site = siteAfter(null)
    const arrivals: Arrival[] = [new FromClient(new Deadlines()), fromPeer]
    for (const arrival of arrivals) {
      for (const at of [site, siteAfter(site)]) {
        t.equal(arrival.destinationOf({ ...exchange } as unknown as Exchange, at).mark, site.loop.lineFor('web'))
      }
    }
    t.match(site.loop.lineFor('web'), /^cdn-loop: twinedge-[0-9a-f]{8};upstream=web\r\n$/)
    t.not(siteAfter(null).loop.lineFor('web'), site.loop.lineFor('web'), 'another edge has another')
  }
)
