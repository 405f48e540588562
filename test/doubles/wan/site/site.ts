// The whole site on two servers: real apps, real edges, the link between them, paired as an operator does it.
//
//   const site = await startSite(t)          // 200 ms there and back; web on the frontend, API on the backend
//   const page = await site.visitor.ask('request', { target: site.frontend.target(), path: '/' })
//   await site.ground.wan.cut()
//   await site.backend.edge.child.kill('SIGKILL'); await site.start('backend')
import type { Test } from 'tap'
import type { Worker } from '../../../bench/load/worker.ts'
import { type Ground, layGround } from '../ground.ts'
import { type App, startApp } from '../programs/apps.ts'
import type { VisitorVerbs } from '../programs/visitor.ts'
import { isReady, linkPort, type Role, Server, siteName } from './server.ts'

export interface Site {
  readonly ground: Ground
  readonly frontend: Server
  readonly backend: Server
  /** By where it runs, `frontend web`. */
  readonly apps: ReadonlyMap<string, App>
  readonly visitor: Worker<VisitorVerbs>
  /** The edge of that server, again. */
  start(role: Role): Promise<void>
}

export interface SiteWanted {
  /** One way. */
  readonly delayMs?: number
  /** What runs where; usually each server has its own one. */
  readonly apps?: Readonly<Record<Role, readonly ('api' | 'web')[]>>
  /** Instead of the usual ones: YAML, below `upstreams`. */
  readonly upstreams?: Partial<Record<Role, string>>
  /** More YAML, of both. */
  readonly more?: string
  /** Instead of a local authority: YAML. */
  tls?(ground: Ground): Promise<string>
}

export const roles = ['frontend', 'backend'] as const
/** As the apps are configured where they run. */
export const local = {
  api: `api: { origin: "http://127.0.0.1:8001", health: { path: /api/v1/health, body: '"status":"ok"', every: 1s } }`,
  web: 'web: { origin: "http://127.0.0.1:3001", health: { path: /login, every: 1s }, else: peer }'
}
const usualUpstreams: Record<Role, string> = {
  frontend: `  api: { origin: peer }\n  ${local.web}`,
  backend: `  ${local.api}\n  web: { origin: peer }`
}

/** @returns once spare lines stand ready in both directions */
export async function startSite(t: Pick<Test, 'teardown'>, wanted: SiteWanted = {}): Promise<Site> {
  const { delayMs = 100, apps = { frontend: ['web'], backend: ['api'] } } = wanted
  const ground = await layGround(t, { delayMs })
  const tls = await wanted.tls?.(ground)
  const frontend = await Server.make(t, 'frontend', ground.frontend)
  const backend = await Server.make(t, 'backend', ground.backend)
  const servers = { frontend, backend }
  const running = roles.flatMap(role =>
    apps[role].map(
      async kind => [`${role} ${kind}`, await startApp(ground[role], kind, { host: '127.0.0.1' })] as const
    )
  )
  const start = (role: Role): Promise<void> => servers[role].start(yamlOf(role, ground, wanted, tls))
  const visitor = ground.clients.visitor()
  t.teardown(() => visitor.stop())
  const [started] = await Promise.all([Promise.all(running), start('frontend'), start('backend')])
  const site = { ground, frontend, backend, visitor, start, apps: new Map(started) }
  await pair(site)
  return site
}

export function yamlOf(role: Role, ground: Ground, wanted: SiteWanted, tls = '{ mode: local }'): string {
  const { upstreams, more = '' } = wanted
  const { address } = ground[role]
  const peer = ground[role === 'frontend' ? 'backend' : 'frontend'].address
  return `server: ${role}
domains: [${siteName}]
listen: { http: "${address}:80", https: "${address}:443" }
link: { listen: "${address}:${linkPort}", peer: "${peer}:${linkPort}" }
tls: ${tls}
upstreams:
${upstreams?.[role] ?? usualUpstreams[role]}
routes:
  - { path: /api/v1/chat/, upstream: api, stream: true, idle: 600s }
  - { path: /api/, upstream: api, idle: 300s, body: 100m }
  - { path: /, upstream: web }
grace: 1s
${more}`
}

/** As two operators do it: each types what the other one's server shows. */
async function pair({ frontend, backend }: Pick<Site, Role>): Promise<void> {
  const servers = [frontend, backend]
  const keys = await Promise.all(servers.map(server => server.twinedge('link', 'pair', '--json')))
  for (const [index, server] of servers.entries()) {
    const { own } = JSON.parse(keys[1 - index]!.out)
    const { code, err } = await server.twinedge('link', 'pair', own.fingerprint, '--wait', '0s')
    if (code !== 0) throw new Error(`twinedge link pair on the ${server.role}: ${code} ${err}`)
  }
  await Promise.all(servers.map(server => server.linkUntil(isReady)))
}
