import { serverChecks, siteChecks } from '../../../../compose/laptop/doctor/checks.ts'
import type { Evidence, ServerEvidence, ToolEvidence } from '../../../../compose/laptop/doctor/evidence.ts'
import { type Finding, judge } from '../../../../compose/laptop/doctor/finding.ts'
import type { Facts } from '../../../../compose/laptop/facts/facts.ts'
import type { ServerName, ServerPlan, Site } from '../../../../compose/laptop/plan/site.ts'
import type { Examination, Seen } from '../../../../compose/server/look/records.ts'
import type { SlotStatus } from '../../../../compose/status/slot-status.ts'
import type { StackStatus } from '../../../../compose/status/stack-status.ts'
import type { LinkSummary, StatusAnswer } from '../../../../proxy/control/protocol.ts'
import { upstreams } from '../../status/findings.ts'

const nowMs = Date.parse('2026-11-10T00:00:00Z')
const megabyte = 1_048_576
export const gigabyte = 1_024 * megabyte
const addresses: Record<string, string> = { frontend: '203.0.113.7', backend: '198.51.100.8' }

function plan(name: ServerName): ServerPlan {
  const address = addresses[name] ?? '203.0.113.7'
  const places = { key: null, sshConfig: null, folder: '/opt/twinedge', envFile: `/site/${name}.env` }
  return { name, ssh: `root@${address}`, address, ...places }
}

/** Of a server on which all is well. */
export function facts(differences: Partial<Facts> = {}): Facts {
  return {
    os: { id: 'debian', family: 'debian', version: '12', codename: 'bookworm', name: 'Debian 12', enterprise: 0 },
    ...{
      arch: 'x64',
      hasSystemd: true,
      processors: 2,
      containers: [],
      published: [],
      nginx: null,
      tuned: [],
      addresses: []
    },
    former: { pm2: [], certbot: [] },
    login: { user: 'root', power: 'root', sshPort: 22, from: null },
    memory: { total: gigabyte, available: 500 * megabyte, swapTotal: gigabyte, swapFree: gigabyte },
    disks: [{ path: '/opt/twinedge', mount: '/', total: 40 * gigabyte, free: 20 * gigabyte, inodesUsed: 0.1 }],
    packages: { program: 'apt-get', candidates: {}, installed: [] },
    engine: { hasDocker: true, version: '26.1.5', compose: '2.26.1', folder: '/var/lib/docker', isEnabled: true },
    listening: [{ protocol: 'tcp', address: '*', port: 443, program: 'node', pid: 7 }],
    firewall: { kind: 'none', idle: [], isPending: false, firewalld: null, ufw: null, nft: null, iptables: [] },
    host: { values: {}, algorithms: [], modules: {}, kernel: '6.1', memoryBytes: gigabyte },
    clock: { aheadMs: 40, unsureMs: 100, isSynchronised: true, canSynchronise: true },
    stack: {
      tool: 'tool-1',
      toolVersion: '0.1.0',
      command: null,
      files: { 'docker-compose.frontend.yml': 'aa' },
      modes: {},
      before: null,
      open: [],
      record: null
    },
    ...differences
  }
}

export function slot(differences: Partial<SlotStatus> = {}): SlotStatus {
  const [blue] = upstreams('blue')
  return {
    ...{ upstream: 'web', slot: 'blue', service: 'web-blue', isActive: true, release: 1, image: 'app:1' },
    container: {
      ...{ id: '1', image: 'app:1', imageId: 'sha256:1', state: 'running', health: 'healthy', lastCheck: null },
      ...{ exitCode: 0, isOutOfMemory: false, startedAt: '2026-11-01T00:00:00Z' },
      ...{ memoryBytes: 90 * megabyte, memoryLimitBytes: 384 * megabyte }
    },
    edge: blue!,
    ...differences
  }
}

export function stack(differences: Partial<StackStatus> = {}): StackStatus {
  return {
    ...{ project: 'twinedge', folder: '/opt/twinedge', slots: [slot()], holds: [], changing: null, last: [] },
    memory: {
      totalBytes: gigabyte,
      availableBytes: gigabyte / 2,
      copies: [{ upstream: 'web', neededBytes: 9, fits: true }]
    },
    disagreements: [],
    ...differences
  }
}

export const link: LinkSummary = {
  ...{ state: 'up', peer: '198.51.100.8:7443', fault: null, roundTripMs: 180 },
  lines: { spare: 2, wanted: 2, inUse: 0, incoming: 2, resumed: 0 }
}

export function edge(differences: Partial<StatusAnswer> = {}): StatusAnswer {
  const peer = { ...upstreams('blue')[0]!, name: 'api', slot: 'only', origin: 'peer' }
  return {
    ...{ server: 'frontend', version: '0.1.0', pid: 7, startedAt: '2026-11-01T00:00:00Z', configFile: null },
    ...{ configLoadedAt: '2026-11-01T00:00:00Z', logLevel: 'info', connections: 3, inFlight: 1 },
    upstreams: [...upstreams('blue'), peer],
    certificates: [
      {
        domains: ['site.cn', 'www.site.cn'],
        ...{ issuer: 'R11', beginsAt: '2026-10-01T00:00:00Z', expiresAt: '2026-12-30T00:00:00Z', isLocal: false }
      }
    ],
    renewals: [],
    link,
    ...differences
  }
}

export function seen(service: string, differences: Partial<Seen> = {}): Seen {
  return {
    ...{ service, state: 'running', health: 'healthy', lastCheck: null, exitCode: 0, isOutOfMemory: false },
    ...{ restarts: 0, startedAt: '2026-11-01T00:00:00Z', lastLines: [] },
    ...differences
  }
}

export function examined(differences: Partial<Examination> = {}): Examination {
  return {
    containers: [seen('edge'), seen('web-blue'), seen('preflight', { state: 'exited' })],
    requests: [{ upstream: 'web', requests: 1_000, failed: 0, causes: {}, last: null, lastAgoMs: null }],
    traceback: [],
    environment: { isThere: true, faults: [], values: {}, marks: {} },
    ...{ kills: [], journalBytes: 30 * megabyte },
    ...differences
  }
}

export function tool(differences: Partial<ToolEvidence> = {}): ToolEvidence {
  return {
    version: '0.1.0',
    looked: { edge: edge(), stack: stack(), failure: null },
    ...{ examined: examined(), examineFailure: null, records: { holder: null, lines: [], orders: [], shipped: [] } },
    line: { roundTripMs: { least: 180, median: 182, most: 300 }, messages: { sent: 100, late: 0 }, up: 2e6, down: 2e6 },
    ...differences
  }
}

export function server(name: ServerName, differences: Partial<ServerEvidence> = {}): ServerEvidence {
  const ports = [80, 443].map(port => ({ port, is: 'open' as const }))
  const shut = [7443, 3000, 8000].map(port => ({ port, is: 'silent' as const }))
  return {
    ...{ plan: plan(name), unreachable: null, facts: facts(), tool: tool(), toolFailure: null },
    outside: {
      ...{ httpPort: 80, httpsPort: 443, linkPort: 7443, ports: [...ports, ...shut] },
      handshakes: [{ domain: 'site.cn', refused: null, distrust: null, issuer: "Let's Encrypt" }],
      pages: [{ path: '/', status: 200, said: '' }]
    },
    ...differences
  }
}

/** A site on which nothing is wrong, but for these. */
export function evidence(frontend: Partial<ServerEvidence> = {}, differences: Partial<Evidence> = {}): Evidence {
  const servers = [server('frontend', frontend), server('backend')]
  const part = { source: '/site', dockerfile: '/site/Dockerfile', args: {}, image: null }
  const site: Site = {
    ...{ file: '/site/deploy.yaml', folder: '/site', name: 'twinedge', domains: ['site.cn', 'www.site.cn'] },
    ...{ servers: servers.map(one => one.plan), parts: { web: part, api: part }, ship: 'ssh' },
    hooks: { before: null, after: null, failed: null },
    verify: ['/']
  }
  const names = site.domains.map(domain => ({ domain, addresses: ['203.0.113.7'], ttl: 300, failure: null }))
  const laptop = { version: '0.1.0', tool: 'tool-1', files: { 'docker-compose.frontend.yml': 'aa' } }
  return { site, servers, names, laptop, nowMs, ...differences }
}

/** What the doctor makes of it. */
export function findingsOf(gathered: Evidence): readonly Finding[] {
  return judge(gathered, serverChecks, siteChecks).findings
}
