import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import t from 'tap'
import type { StandbyVerdict } from '../../../proxy/control/protocol.ts'
import { twinedge } from '../../doubles/command.ts'
import type { RunningEdge } from '../../doubles/edge.ts'
import { startEdgePair } from '../../doubles/edge-pair.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const health = 'health: { path: /, every: 100ms, fails: 1 }'

function yaml(server: string, upstreams: string, idle = '300s'): string {
  return `server: ${server}
domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
upstreams: { ${upstreams} }
routes: [{ path: /api/, upstream: api, idle: ${idle} }, { path: /, upstream: web }]
`
}

/** What the first, or only, verdict says once it is as `wanted`; what it said last when that does not come. */
async function verdictsOf({ edge }: RunningEdge, wanted: (verdicts: readonly StandbyVerdict[]) => boolean) {
  const endMs = Date.now() + 30_000
  let { verdicts } = edge.link.standby()
  while (!wanted(verdicts) && Date.now() < endMs) {
    await after(50)
    verdicts = edge.link.standby().verdicts
  }
  return verdicts
}

t.test(
  'two edges tell each other how they are: GO, then NO-GO as one of them lacks something, then is gone',
  async t => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'
    const api = await startRawUpstream(t, socket => socket.end(answer))
    const web = await startRawUpstream(t, socket => socket.end(answer))
    const webs = `web: { origin: "${web.origin}", ${health} }`
    const { frontend, backend } = await startEdgePair(t, {
      frontend: yaml('frontend', `api: { origin: peer }, ${webs}`),
      backend: yaml('backend', `api: { origin: "${api.origin}", ${health} }, ${webs}`)
    })
    const isGo = (verdicts: readonly StandbyVerdict[]): boolean => verdicts.every(verdict => verdict.isGo)
    t.match(await verdictsOf(frontend, isGo), [
      { server: 'backend', isSelf: false, isGo: true, reasons: [], borrowed: [] },
      { server: 'frontend', isSelf: true, isGo: true, reasons: [], borrowed: [{ upstream: 'api' }] }
    ])
    t.match(await verdictsOf(backend, isGo), [
      { server: 'frontend', isGo: true, borrowed: [{ upstream: 'api' }] },
      { server: 'backend', isSelf: true, isGo: true, borrowed: [] }
    ])
    const standby = (one: RunningEdge, ...args: string[]) =>
      twinedge(['standby', '--socket', join(one.folder, 'control.sock'), ...args])
    t.match(await standby(frontend, '--alone'), { code: 0, out: /^GO {2}backend, the other server: .* by itself\n/ })
    t.match(await standby(backend, '--alone'), {
      code: 1,
      out: /^NO-GO {2}frontend, .*\n {2}- api comes from this server/
    })

    backend.setYaml(
      `${yaml('backend', `api: { origin: "${api.origin}", ${health} }, ${webs}`, '9s')}link: ${linkOf(backend)}\n`
    )
    await backend.edge.reload()
    const unlike = await verdictsOf(frontend, verdicts => !verdicts.some(verdict => verdict.isGo))
    const what = 'routes[/api/]: "api, idle 300s, body 100m" here, "api, idle 9s, body 100m" on backend'
    t.match(unlike, [{ reasons: [{ what }] }, { reasons: [{ what }] }])

    await backend.edge.stop()
    const isGone = ([other]: readonly StandbyVerdict[]): boolean =>
      /^it is not reached/.test(other?.reasons[0]?.what ?? '')
    const gone = await verdictsOf(frontend, isGone)
    t.match(gone, [
      { server: 'backend', isGo: false, reasons: [{ what: /^it is not reached: LINK_/ }] },
      { server: 'frontend', isGo: false, reasons: [{ what: /^api, which comes from backend alone, is down: / }] }
    ])
    t.equal(gone[1]?.reasons.length, 1, 'what it lacks alone, and nothing else')
    t.match(await standby(frontend), { code: 1, out: /^NO-GO {2}backend/, err: /^LINK_NO_GO: backend: see above\n/ })
  }
)

function linkOf({ edge }: RunningEdge): string {
  const { listen, peer } = edge.config.link!
  return `{ listen: "${listen[0]!.host}:${listen[0]!.port}", peer: "${peer.host}:${peer.port}" }`
}
