import t from 'tap'
import { serverChecks, siteChecks } from '../../../../compose/laptop/doctor/checks.ts'
import type { ServerEvidence } from '../../../../compose/laptop/doctor/evidence.ts'
import { judge } from '../../../../compose/laptop/doctor/finding.ts'
import type { Clock, Facts } from '../../../../compose/laptop/facts/facts.ts'
import type { DeployLine } from '../../../../compose/server/deploy/records.ts'
import type { Changing } from '../../../../compose/status/changing.ts'
import type { RenewalStatus } from '../../../../proxy/control/protocol.ts'
import { missingIn } from '../../../fixtures/next-steps.ts'
import { upstreams } from '../../status/findings.ts'
import {
  edge,
  evidence,
  examined,
  facts,
  findingsOf,
  gigabyte,
  link,
  seen,
  server,
  slot,
  stack,
  tool
} from './evidence.ts'

const failed = (code: 'SSH_UNREACHABLE' | 'SERVER_TOOL_MISSING' | 'COMPOSE_NO_STACK' | 'EDGE_NOT_RUNNING') => {
  return { code, detail: `why ${code}`, next: 'the row says' } as const
}
const looked = (differences: object) =>
  tool({ looked: { edge: edge(), stack: stack(), failure: null, ...differences } })
const down = { ...slot().container!, state: 'exited', exitCode: 137 } as const
const outside = (differences: Partial<ServerEvidence['outside']>) => ({
  outside: { ...server('frontend').outside, ...differences }
})
const certificate = (expiresAt: string) => edge({ certificates: [{ ...edge().certificates[0]!, expiresAt }] })
const changing: Changing = {
  ...{ state: 'unfinished', what: 'the swap of web to app:2', who: 'li@cn', since: '2026-11-09', pid: null },
  ...{ step: 'promote', hasFlipped: false, next: 'twinedge slots settle' }
} as const
const bootstrap = {
  began: '2026-11-09',
  by: 'li@laptop',
  step: 'tool',
  outcome: 'failed',
  code: 'SERVER_DISK_FULL',
  stack: null
}
const begun: DeployLine = {
  ...{ event: 'begun', id: 'a', number: 7, before: 6, turn: 7, verb: 'deploy', who: 'li@laptop', at: '2026-11-09' },
  ...{ moves: [], from: {} },
  how: { isHeld: false, withinMs: 1, drainMs: 1, keep: 3, handOver: null }
}
const holder = {
  id: 'a',
  who: 'li@laptop',
  verb: 'deploy',
  step: 'shipping',
  since: '2026-11-09T00:00:00Z',
  host: 'laptop',
  pid: 7
}
const renewal: RenewalStatus = {
  ...{ name: 'site.cn', domains: ['site.cn'], state: 'failing', issuer: 'R11', expiresAt: '2026-12-01T00:00:00Z' },
  ...{ nextAt: '2026-11-11T00:00:00Z', reason: 'retry', failures: 3 },
  lastError: { code: 'ACME_REFUSED', detail: 'no A record', next: 'mend DNS', at: '2026-11-09T00:00:00Z' }
}

const late: Clock = { aheadMs: -9_000, unsureMs: 50, isSynchronised: false, canSynchronise: null }

/** What is planted on the frontend, and the only findings that there are to be, with words of the first. */
const rows: readonly (readonly [Partial<ServerEvidence>, string, RegExp, RegExp])[] = [
  [
    { unreachable: failed('SSH_UNREACHABLE'), facts: null, tool: null },
    'server-unreachable',
    /why SSH_UNREACHABLE/,
    /the row says/
  ],
  [{ toolFailure: failed('SERVER_TOOL_MISSING'), tool: null }, 'tool-missing', /why/, /bootstrap frontend/],
  [
    { facts: facts({ engine: { ...facts().engine, version: null } }) },
    'engine-down',
    /docker version/,
    /restart docker/
  ],
  [
    { facts: facts({ engine: { ...facts().engine, isEnabled: false } }) },
    'engine-sleeps',
    /is-enabled/,
    /enable docker/
  ],
  [
    { facts: facts({ engine: { ...facts().engine, version: '20.10.5' } }) },
    'engine-old',
    /20\.10\.5/,
    /-- apt-get install -y --only-upgrade/
  ],
  [
    { facts: facts({ engine: { ...facts().engine, compose: '2.20.0' } }) },
    'engine-old',
    /2\.20\.0/,
    /-- apt-get install -y --only-upgrade/
  ],
  [
    { tool: tool({ looked: { edge: null, stack: null, failure: failed('COMPOSE_NO_STACK') }, examined: null }) },
    'stack-missing',
    /why/,
    /bootstrap frontend/
  ],
  [
    { facts: facts({ nginx: { version: '1.22', isActive: true, isEnabled: true } }) },
    'old-edge-left',
    /nginx runs/,
    /disable --now nginx/
  ],
  [
    { facts: facts({ listening: [{ protocol: 'tcp', address: '*', port: 8080, program: 'nginx', pid: 7 }] }) },
    'old-edge-left',
    /nginx on port 8080/,
    /-- pkill -o -x nginx; no service/
  ],
  [
    { facts: facts({ former: { pm2: ['node server.js', 'python3 start.py'], certbot: [] } }) },
    'old-edge-left',
    /below PM2: node server\.js; python3 start\.py/,
    /-- pm2 ls; then pm2 delete/
  ],
  [
    { facts: facts({ former: { pm2: [], certbot: ['certbot.timer'] } }) },
    'old-edge-left',
    /certbot\.timer is enabled/,
    /disable --now certbot\.timer/
  ],
  [
    { tool: looked({ edge: null, failure: failed('EDGE_NOT_RUNNING') }) },
    'edge-down',
    /why EDGE_NOT_RUNNING.*running/,
    /restart edge --server frontend/
  ],
  [
    {
      tool: {
        ...looked({ edge: null, failure: failed('EDGE_NOT_RUNNING') }),
        examined: examined({
          containers: [seen('edge', { state: 'restarting', exitCode: 1, lastLines: ['CONFIG_INVALID: listen.https'] })]
        })
      }
    },
    'edge-down edge-refuses-config restarts',
    /restarting, exit code 1.*CONFIG_INVALID/,
    /restart edge/
  ],
  [
    { tool: looked({ stack: stack({ slots: [slot({ container: down })] }) }) },
    'web-down',
    /exit code 137/,
    /^twinedge restart web$/
  ],
  [
    { tool: looked({ stack: stack({ slots: [slot({ upstream: 'api', service: 'api-blue', container: null })] }) }) },
    'api-down',
    /has no container/,
    /twinedge deploy/
  ],
  [
    {
      tool: looked({
        stack: stack({
          slots: [slot({ container: { ...slot().container!, health: 'unhealthy', lastCheck: 'refused' } })]
        })
      })
    },
    'web-unhealthy',
    /its own check: refused/,
    /restart web/
  ],
  [
    {
      tool: {
        ...looked({
          stack: stack({
            slots: [slot({ upstream: 'api', edge: { ...slot().edge!, health: 'down', lastProbe: '500' } })]
          })
        }),
        examined: examined({ traceback: ['KeyError: MODEL'] })
      }
    },
    'api-unhealthy',
    /probe: 500.*KeyError: MODEL/,
    /restart api/
  ],
  [
    { tool: tool({ examined: examined({ containers: [seen('web-blue', { isOutOfMemory: true })] }) }) },
    'out-of-memory',
    /OOMKilled.*384 MB/,
    /WEB_MEMORY/
  ],
  [
    { tool: tool({ examined: examined({ containers: [seen('web-blue', { restarts: 5, lastLines: ['no key'] })] }) }) },
    'restarts',
    /5 restarts.*no key/,
    /rollback/
  ],
  [
    {
      tool: looked({
        edge: edge({
          upstreams: [{ ...upstreams('blue')[0]!, name: 'api', slot: 'only', health: 'down', lastProbe: 'refused' }]
        })
      })
    },
    'backend-down',
    /refused/,
    /restart api/
  ],
  [
    {
      tool: tool({
        examined: examined({
          requests: [
            {
              ...{ upstream: 'api', requests: 50, failed: 9, causes: { 500: 9 } },
              last: 'POST /api/v1/chat',
              lastAgoMs: 2e5
            }
          ],
          traceback: ['KeyError: MODEL']
        })
      })
    },
    'answers-fail',
    /500 9 times; last POST \/api\/v1\/chat, 3 min ago; one from before a mend counts until .*KeyError: MODEL/,
    /logs api/
  ],
  [
    { tool: looked({ stack: stack({ disagreements: [{ said: 'web-green runs beside', next: 'stop it' }] }) }) },
    'stack-at-odds',
    /status/,
    /stop it/
  ],
  [
    { tool: tool({ examined: examined({ environment: { ...examined().environment, isThere: false } }) }) },
    'env-missing',
    /\.env/,
    /bootstrap/
  ],
  [
    {
      tool: tool({
        examined: examined({
          environment: {
            ...examined().environment,
            faults: [{ name: 'EXCELMANUS_CORS_ALLOW_ORIGINS', found: '*', expected: 'the site' }]
          }
        })
      })
    },
    'env-fault',
    /found \*; expected the site/,
    /frontend\.env.*bootstrap frontend/
  ],
  [
    {
      tool: tool({
        examined: examined({
          containers: [seen('preflight', { state: 'exited', exitCode: 1, lastLines: ['COMPOSE_ENV_REFUSED'] })]
        })
      })
    },
    'preflight-refused',
    /COMPOSE_ENV_REFUSED/,
    /bootstrap/
  ],
  [{ tool: looked({ stack: stack({ changing }) }) }, 'change-unfinished', /li@cn.*promote/, /slots settle/],
  [
    { facts: facts({ stack: { ...facts().stack, record: JSON.stringify(bootstrap) } }) },
    'bootstrap-unfinished',
    /li@laptop.*failed at "tool", SERVER_DISK_FULL/,
    /bootstrap frontend/
  ],
  [
    { tool: tool({ records: { holder: null, lines: [begun], orders: [], shipped: [] } }) },
    'deploy-unfinished',
    /begun by li@laptop/,
    /deploy --finish.*rollback/
  ],
  [
    { tool: tool({ records: { holder, lines: [begun], orders: [], shipped: [] } }) },
    'deploy-unfinished',
    /at shipping/,
    /Ctrl-C/
  ],
  [{ facts: facts({ stack: { ...facts().stack, tool: 'tool-2' } }) }, 'tool-differs', /tool-2.*tool-1/, /bootstrap/],
  [
    { facts: facts({ stack: { ...facts().stack, files: { 'docker-compose.frontend.yml': 'bb' } } }) },
    'files-differ',
    /sha256/,
    /bootstrap/
  ],
  [{ facts: facts({ memory: { ...facts().memory, available: 40e6 } }) }, 'memory-short', /38 MB of 1024 MB/, /ps -eo/],
  [{ facts: facts({ memory: { ...facts().memory, swapFree: 0 } }) }, 'swap-full', /0 MB of 1024 MB free/, /ps -eo/],
  [
    {
      tool: looked({
        stack: stack({ slots: [slot({ container: { ...slot().container!, memoryBytes: 380 * 1_048_576 } })] })
      })
    },
    'memory-limit-near',
    /380 MB of 384 MB/,
    /WEB_MEMORY/
  ],
  [
    {
      tool: looked({
        stack: stack({
          memory: {
            totalBytes: gigabyte,
            availableBytes: 9e7,
            copies: [{ upstream: 'web', neededBytes: 2e8, fits: false }]
          }
        })
      })
    },
    'no-room-for-swap',
    /191 MB, 86 MB/,
    /--hold/
  ],
  [
    { tool: tool({ examined: examined({ kills: ['Killed process 7 (node)'] }) }) },
    'killed-by-kernel',
    /Killed process 7/,
    /dmesg/
  ],
  [
    { facts: facts({ disks: [{ ...facts().disks[0]!, free: 5e8 }] }) },
    'disk-full',
    /0\.5 GB of 40\.0 GB/,
    /image prune.*journalctl/
  ],
  [
    { facts: facts({ disks: [{ ...facts().disks[0]!, inodesUsed: 0.95 }] }) },
    'disk-full',
    /95 % of its inodes/,
    /image prune/
  ],
  [{ tool: tool({ examined: examined({ journalBytes: 3e9 }) }) }, 'journal-large', /2\.8 GB/, /vacuum/],
  [
    {
      tool: looked({
        edge: edge({
          link: {
            ...link,
            state: 'down',
            fault: { code: 'LINK_REFUSED', detail: 'no route', next: 'open 7443', at: '' }
          }
        })
      })
    },
    'link-down',
    /LINK_REFUSED: no route/,
    /open 7443/
  ],
  [
    { tool: tool({ line: { ...tool().line!, messages: { sent: 100, late: 20 } } }) },
    'line-lossy',
    /180 ms, 10\.6 % lost/,
    /providers/
  ],
  [
    { tool: { ...looked({ edge: edge({ link: { ...link, roundTripMs: 1_234 } }) }), line: null } },
    'line-lossy',
    /^twinedge link: 1234 ms$/,
    /providers/
  ],
  [
    { facts: facts({ host: { ...facts().host, values: { 'net.ipv4.tcp_sack': '0' } } }) },
    'host-untuned',
    /tcp_sack=0/,
    /link tune --yes/
  ],
  [
    { facts: facts({ clock: { ...late, canSynchronise: true } }) },
    'clock-off clocks-differ',
    /8\.9 s behind/,
    /^twinedge exec server --server frontend -- timedatectl set-ntp true$/
  ],
  [
    { facts: facts({ clock: { ...late, canSynchronise: false } }) },
    'clock-off clocks-differ',
    /nothing sets it/,
    /-- apt-get install -y systemd-timesyncd$/
  ],
  [
    outside({ ports: [{ port: 443, is: 'silent' }] }),
    'port-closed',
    /no answer within 3 s; on the server something listens/,
    /^at the provider: 443.tcp to everybody/
  ],
  [
    outside({ ports: [{ port: 80, is: 'closed' }] }),
    'port-closed',
    /refused.*nothing listens/,
    /restart edge --server frontend/
  ],
  [
    outside({ ports: [{ port: 3000, is: 'open' }] }),
    'port-open',
    /203\.0\.113\.7:3000/,
    /^at the provider: .* no firewall of its own/
  ],
  [
    {
      ...outside({ ports: [{ port: 3000, is: 'open' }] }),
      facts: facts({ published: [{ container: 'old-web', port: 3000 }] })
    },
    'port-open',
    /203\.0\.113\.7:3000/,
    /^Docker lets it in past every firewall there: .*127\.0\.0\.1:3000.* container old-web$/
  ],
  [
    outside({ ports: [{ port: 7443, is: 'open' }] }),
    'link-port-open',
    /203\.0\.113\.7:7443/,
    /^at the provider: 7443.tcp to the other server alone/
  ],
  [
    outside({ pages: [{ path: '/', status: 502, said: 'EDGE_UPSTREAM_REFUSED' }] }),
    'page-fails',
    /EDGE_UPSTREAM_REFUSED/,
    /logs edge/
  ],
  [outside({ pages: [{ path: '/', status: null, said: 'reset' }] }), 'page-fails', /reset/, /logs edge/],
  [
    outside({ handshakes: [{ domain: 'site.cn', refused: null, distrust: 'CERT_HAS_EXPIRED', issuer: 'R3' }] }),
    'certificate-distrusted',
    /CERT_HAS_EXPIRED; issued by R3/,
    /TLS_MODE=acme/
  ],
  [{ tool: looked({ edge: certificate('2026-11-02T00:00:00Z') }) }, 'certificate-ends', /R11/, /certs renew --force/],
  [{ tool: looked({ edge: edge({ renewals: [renewal] }) }) }, 'renewal-fails', /3 failures.*no A record/, /mend DNS/],
  [
    { tool: looked({ edge: edge({ certificates: [{ ...edge().certificates[0]!, domains: ['site.cn'] }] }) }) },
    'name-uncovered',
    /site\.cn/,
    /DOMAINS/
  ],
  [
    { tool: looked({ edge: edge({ version: '0.0.9' }) }) },
    'edges-differ',
    /frontend 0\.0\.9, backend 0\.1\.0/,
    /bootstrap frontend/
  ]
]

t.test('of a site on which all is well there is nothing to say', async t => {
  t.same(findingsOf(evidence()), [])
  const { fine, untold } = judge(evidence(), serverChecks, siteChecks)
  t.ok(fine.length > 60, `${fine.length} checks are fine`)
  t.same([...new Set(untold.map(({ id }) => id))], ['api-down', 'api-unhealthy', 'renewal-fails', 'standby-build'])
})

for (const [planted, ids, saw, mend] of rows) {
  t.test(`what is planted is found, alone, with its mend: ${ids}`, async t => {
    const found = findingsOf(evidence(planted))
    t.same(
      found.map(({ id }) => id),
      ids.split(' '),
      JSON.stringify(found, null, 1)
    )
    t.match(found[0]?.seen, saw)
    t.match(found[0]?.mend, mend)
    t.ok(found.every(({ server }) => server === 'frontend' || server === null))
    for (const one of found) t.same(await missingIn(one.mend), [], one.mend)
  })
}

t.test('a standby with the pages of another build is told, with both builds', async t => {
  const web = (image: string | null) => looked({ stack: stack({ slots: [slot({ image })] }) })
  const found = (frontend: string | null, backend: string | null, standby: { standby?: true } = { standby: true }) => {
    const { site, servers } = evidence({ tool: web(frontend) })
    const plan = { ...servers[1]!.plan, ...standby }
    const there = { ...servers[1]!, plan, tool: web(backend) }
    const all = { servers: [servers[0]!, there], site: { ...site, servers: [servers[0]!.plan, plan] } }
    return findingsOf(evidence({}, all))
  }
  t.match(found('shop/web:b2', 'shop/web:a1'), [
    { id: 'standby-build', server: null, seen: /frontend serves shop\/web:b2, backend has shop\/web:a1/ }
  ])
  t.match(found('b2', 'a1')[0]?.mend, /^twinedge deploy$/)
  t.same(found('b2', 'b2'), [])
  t.same(found('b2', null), [], 'one that has none yet has a finding of its own')
  t.same(found('b2', 'a1', {}), [], 'no standby: what it has of the web app is nobody’s')
})

t.test('a door is shut by what decides there', async t => {
  const ports = outside({ ports: [{ port: 7443, is: 'open' }] })
  const mendOf = (differences: Partial<Facts['firewall']>): string | undefined =>
    findingsOf(evidence({ ...ports, facts: facts({ firewall: { ...facts().firewall, ...differences } }) }))[0]?.mend
  t.match(mendOf({ kind: 'ufw' }), /^twinedge bootstrap frontend; and at the provider: /)
  t.match(mendOf({ kind: 'none', idle: ['ufw'] }), /^twinedge bootstrap frontend --enable-firewall /)
  t.match(mendOf({ kind: 'iptables' }), /^by hand, in iptables/)
})

t.test('every check of a server is provoked here', async t => {
  const provoked = new Set(rows.flatMap(([, ids]) => ids.split(' ')))
  for (const { id } of serverChecks) t.ok(provoked.has(id), id)
})

t.test('faults come before warnings', async t => {
  const asleep = facts({ engine: { ...facts().engine, isEnabled: false } })
  const gone = looked({ stack: stack({ slots: [slot({ container: down })] }) })
  const found = findingsOf(evidence({ tool: gone, facts: asleep }))
  t.same(
    found.map(({ id, severity }) => [id, severity]),
    [
      ['web-down', 'fault'],
      ['engine-sleeps', 'warning']
    ]
  )
})

t.test('a clock is not wrong by what asking it took', async t => {
  t.same(findingsOf(evidence({ facts: facts({ clock: { ...late, aheadMs: 6_000, unsureMs: 2_000 } }) })), [])
})

t.test('a few failures are no finding, and a few in thousands are a warning', async t => {
  const answered = (requests: number, failed: number) =>
    tool({
      examined: examined({
        requests: [{ upstream: 'web', requests, failed, causes: { 500: failed }, last: 'GET /', lastAgoMs: 0 }]
      })
    })
  t.same(findingsOf(evidence({ tool: answered(4, 2) })), [])
  t.match(findingsOf(evidence({ tool: answered(1_000, 5) })), [{ id: 'answers-fail', severity: 'warning' }])
})

t.test('of a clock that is wrong here both servers tell, and it is said once', async t => {
  const clock = facts({ clock: { ...late, aheadMs: 60_050 } })
  const all = evidence({ facts: clock })
  const found = findingsOf({ ...all, servers: all.servers.map(one => ({ ...one, facts: clock })) })
  t.match(found, [{ id: 'clock-off', what: /this machine/, seen: /60\.0 s ahead/, mend: /^here: timedatectl/ }])
  t.equal(found.length, 1)
})

t.test('what the API has answered is over once it was started anew, on whichever server it is', async t => {
  const failures = { upstream: 'api', requests: 50, failed: 9, causes: { 500: 9 }, last: 'GET /api', lastAgoMs: 3e5 }
  const seenBy = (startedAt: string, aheadMs = 0) => {
    const [frontend, backend] = evidence({ tool: tool({ examined: examined({ requests: [failures] }) }) }).servers
    const api = slot({ upstream: 'api', container: { ...slot().container!, startedAt } })
    const clock = facts({ clock: { ...late, aheadMs } })
    const there = { ...backend!, facts: clock, tool: looked({ stack: stack({ slots: [api] }) }) }
    return findingsOf(evidence({}, { servers: [frontend!, there] })).map(({ id }) => id)
  }
  t.match(seenBy('2026-11-09T23:54:00Z'), ['answers-fail'])
  t.same(seenBy('2026-11-09T23:56:00Z'), [])
  t.ok(seenBy('2026-11-09T23:56:00Z', 120_000).includes('answers-fail'), 'by one clock')
})

t.test('what a slot has gone through that serves no more is over', async t => {
  const green = seen('web-green', { state: 'exited', isOutOfMemory: true, restarts: 9 })
  const slots = [slot(), slot({ slot: 'green', service: 'web-green', isActive: false })]
  const all = { ...looked({ stack: stack({ slots }) }), examined: examined({ containers: [green] }) }
  t.same(findingsOf(evidence({ tool: all })), [])
  const runs = { ...all, examined: examined({ containers: [{ ...green, state: 'running' }] }) }
  t.match(findingsOf(evidence({ tool: runs })), [{ id: 'out-of-memory' }, { id: 'restarts' }])
  const idsWithoutEdge = (exitCode: number) => {
    const unknown = {
      edge: null,
      failure: failed('EDGE_NOT_RUNNING'),
      stack: stack({ slots: [slot({ ...slots[1], isActive: null })] })
    }
    const containers = [seen('edge'), { ...green, exitCode }]
    const found = findingsOf(evidence({ tool: { ...looked(unknown), examined: examined({ containers }) } }))
    return found.map(({ id }) => id)
  }
  t.same(idsWithoutEdge(143), ['edge-down'], 'nobody knows which one serves')
  t.same(idsWithoutEdge(137), ['edge-down', 'out-of-memory', 'restarts'])
})

t.test('no mend is for a tool that is not there', async t => {
  const bare = { tool: null, toolFailure: failed('SERVER_TOOL_MISSING') }
  const found = findingsOf(evidence({ ...outside({ ports: [{ port: 80, is: 'closed' }] }), ...bare }))
  t.same(
    found.map(({ id, mend }) => [id, mend]),
    ['tool-missing', 'port-closed'].map(id => [id, 'twinedge bootstrap frontend'])
  )
})
