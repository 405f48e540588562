import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { type Outcome, project, twinedge } from '../command.ts'
import type { RunningEdge } from '../edge.ts'
import { startEdgePair } from '../edge-pair.ts'
import { type SshServer, startSshServer } from '../ssh/server.ts'
import { type NameServerDouble, startNameServer } from './name-server.ts'

export const domains = ['shop.test', 'www.shop.test'] as const
export const addresses = { frontend: '127.0.0.1', backend: '127.0.0.2' } as const

/** Two servers with an edge and an sshd each, the names that lead to them, and a laptop with a deploy.yaml. */
export interface DnsSite {
  readonly dns: NameServerDouble
  readonly frontend: Server
  readonly backend: Server
  /** All names lead there. */
  point(at: keyof typeof addresses, ttl?: number): void
  /** `twinedge dns …` on the laptop. */
  run(...args: string[]): Promise<Outcome>
  /** The same on one that does not know the authorities of the two edges. */
  runAfar(...args: string[]): Promise<Outcome>
}

interface Server {
  readonly edge: RunningEdge
  readonly ssh: SshServer
  /** Its app answers with the server's name, or not at all. */
  readonly app: App
}

interface App {
  readonly origin: string
  stop(): Promise<void>
}

export async function startDnsSite(t: Test): Promise<DnsSite> {
  const dns = await startNameServer(t)
  const apps = { frontend: await startApp(t, 'frontend'), backend: await startApp(t, 'backend') }
  const pair = await startEdgePair(t, { frontend: yamlOf('frontend', apps), backend: yamlOf('backend', apps) })
  const folder = mkdtempSync(join(tmpdir(), 'te-site-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const servers = {
    frontend: await reachable(t, 'frontend', pair.frontend),
    backend: await reachable(t, 'backend', pair.backend)
  }
  const site = join(folder, 'deploy.yaml')
  writeFileSync(site, siteYaml(servers))
  for (const name of ['frontend', 'backend']) writeFileSync(join(folder, `${name}.env`), 'TLS_MODE=acme\n')
  const roots = join(folder, 'roots.pem')
  writeFileSync(roots, `${pair.frontend.ca}${pair.backend.ca}`)
  // Each has to hear of the other, which tells of itself every 5 s.
  for (const edge of [pair.frontend, pair.backend]) await knownGood(edge)
  const asking = ['--site', site, '--resolver', dns.place, '--authority', dns.place]
  return {
    dns,
    frontend: { edge: pair.frontend, ssh: servers.frontend, app: apps.frontend },
    backend: { edge: pair.backend, ssh: servers.backend, app: apps.backend },
    point: (at, ttl = 60) => {
      dns.set(domains[0], 'A', [addresses[at]], ttl)
      dns.set(domains[1], 'CNAME', [domains[0]], ttl)
    },
    run: (what, ...args) => twinedge(['dns', what!, ...args, ...asking], { NODE_EXTRA_CA_CERTS: roots }),
    runAfar: (what, ...args) => twinedge(['dns', what!, ...args, ...asking])
  }
}

async function knownGood({ edge }: RunningEdge): Promise<void> {
  const late = performance.now() + 30_000
  while (!edge.link.standby().verdicts.every(({ isGo }) => isGo)) {
    if (performance.now() > late) throw new Error(`not within 30 s: ${JSON.stringify(edge.link.standby())}`)
    await pause(20)
  }
}

/** The pages from either, the API from the backend alone. */
function yamlOf(server: keyof typeof addresses, apps: Record<string, App>): string {
  const health = 'health: { path: /, every: 50ms, fails: 1 }'
  const own = `origin: "${apps[server]!.origin}", ${health}`
  const api = server === 'backend' ? own : 'origin: peer'
  const at = addresses[server]
  return `server: ${server}
domains: [${domains.join(', ')}]
listen: { http: "${at}:0", https: "${at}:0" }
upstreams: { web: { ${own}, else: peer }, api: { ${api} } }
routes: [{ path: /api/, upstream: api }, { path: /, upstream: web }]
`
}

/** Over ssh, with this project as its tool. */
async function reachable(t: Test, name: keyof typeof addresses, edge: RunningEdge): Promise<SshServer> {
  // An edge without a stack is where the environment says.
  const ssh = await startSshServer(t, name, { EDGE_CONTROL_SOCKET: join(edge.folder, 'control.sock') })
  mkdirSync(ssh.plan.folder)
  symlinkSync(project, join(ssh.plan.folder, 'tool'))
  writeFileSync(join(ssh.plan.folder, '.env'), `HTTPS_PORT=${edge.httpsPort}\n`)
  return ssh
}

function siteYaml(servers: Record<keyof typeof addresses, SshServer>): string {
  const lines = Object.entries(servers).map(
    ([name, { plan }]) =>
      `  ${name}: { ssh: ${plan.ssh}, ssh-config: ${plan.sshConfig}, folder: ${plan.folder}, address: ${addresses[name as keyof typeof addresses]} }`
  )
  return `domains: [${domains.join(', ')}]
servers:
${lines.join('\n')}
web: { source: . }
api: { source: . }
`
}

async function startApp(t: Test, name: string): Promise<App> {
  const server = createServer((_, response) => response.end(name)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  t.teardown(stop)
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}
