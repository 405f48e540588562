import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { Assets } from '../../../proxy/assets/assets.ts'
import { readConfig } from '../../../proxy/config/load.ts'
import { Deadlines } from '../../../proxy/deadlines.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { FromClient } from '../../../proxy/forward/arrival/client.ts'
import { Forwarder } from '../../../proxy/forward/forwarder.ts'
import { provenanceOf } from '../../../proxy/forward/headers.ts'
import { Forwarding } from '../../../proxy/forward/request.ts'
import { buildSite, type Site } from '../../../proxy/forward/site.ts'
import { Admission } from '../../../proxy/listener/admission.ts'
import type { Handler } from '../../../proxy/listener/context.ts'
import { createHttpListener } from '../../../proxy/listener/http.ts'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { noPeer } from '../../doubles/no-peer.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const deadlines = new Deadlines()

function siteTo(origin: string): Site {
  const yaml = `${yamlFor({ web: origin })}state: /tmp\n`
  const context = { deadlines, peer: noPeer, promotedSlot: () => undefined, onHealth() {}, onSelfOpened() {} }
  return buildSite(readConfig(yaml, 'edge.yaml', {}), context, null)
}

/** What one GET through a real listener, in clear text, is answered by `handler`. */
async function answerOf(t: Test, site: Site, handler: Handler): Promise<string> {
  const limits = () => site.config.limits
  const context = { handler, deadlines, limits, nextId: () => 'the-id-of-it', isTrusted: () => false }
  const listener = createHttpListener({ host: '127.0.0.1', port: 0 }, context, new Admission(limits, () => false))
  await listener.start()
  t.teardown(() => listener.stop())
  const client = connect(listener.port, '127.0.0.1')
  client.write('GET /secret/path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of client) text += chunk
  return text
}

const noAssets = new Assets('/nowhere', () => null, { info() {}, warn() {} })

t.test('EDGE_INTERNAL: a bug of ours is a 500 to one client, and a stack in the log', async t => {
  const site = siteTo('http://127.0.0.1:811')
  const recorded: { code: string | null; detail: string | null }[] = []
  const broken = { ...site, rate: { allows: () => JSON.parse('{') } } as unknown as Site
  const text = await answerOf(
    t,
    site,
    new Forwarder(new FromClient(deadlines), {
      site: () => broken,
      assets: noAssets,
      deadlines,
      record: entry => recorded.push(entry)
    })
  )
  t.match(text, /^HTTP\/1\.1 500 Internal Server Error\r\n[\s\S]*"code":"EDGE_INTERNAL"/)
  t.match(text, '"request":"the-id-of-it"')
  t.notMatch(text, /JSON|SyntaxError|\.ts/)
  t.match(recorded, [{ code: 'EDGE_INTERNAL', detail: /SyntaxError[\s\S]*forwarder\.ts/ }])
})

t.test(
  'EDGE_STOPPING: a request that is cut at the end of its time is a 503, and its upstream connection is closed',
  async t => {
    const closed = Promise.withResolvers<void>()
    const upstream = await startRawUpstream(t, socket => socket.once('close', () => closed.resolve()))
    const site = siteTo(upstream.origin)
    const ended: (string | undefined)[] = []
    const handler: Handler = {
      handle(exchange) {
        const to = {
          route: site.config.routes[0]!,
          upstream: site.upstreams.get('web')!,
          provenance: provenanceOf(exchange.head, exchange.clientAddress, exchange.id, null),
          mark: '',
          hsts: null,
          isFromPeer: false
        }
        const forwarding = new Forwarding(exchange, to, deadlines, (_done, failure) => ended.push(failure?.code))
        forwarding.start()
        void upstream.seen('GET /secret/path').then(() => forwarding.cut('EDGE_STOPPING'))
      },
      refuse() {}
    }
    const text = await answerOf(t, site, handler)
    t.match(text, /^HTTP\/1\.1 503 [\s\S]*retry-after: 1\r\n[\s\S]*"code":"EDGE_STOPPING"/)
    t.strictSame(ended, ['EDGE_STOPPING'])
    await closed.promise
    t.equal(site.upstreams.get('web')!.status[0]!.inFlight, 0)
  }
)

t.test('EDGE_STOPPING: what is stopping takes no new configuration', async t => {
  const { edge } = await startEdge(t, yamlFor({ web: 'http://127.0.0.1:811' }))
  await edge.stop()
  const refused = await edge.reload().catch(error => error)
  t.ok(refused instanceof EdgeError)
  t.match(refused, { code: 'EDGE_STOPPING', status: 503 })
})
