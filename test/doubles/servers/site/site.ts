import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from '../../../bench/load/worker.ts'
import type { DistantPebble } from '../../wan/programs/authority.ts'
import type { Target } from '../../wan/programs/exchange.ts'
import type { VisitorVerbs } from '../../wan/programs/visitor.ts'
import type { Laptop } from '../laptop.ts'
import type { Servers } from '../servers.ts'
import { type Apps, nameDockerfile, writeApps } from './apps.ts'
import { type Operator, operatorOf } from './operator.ts'

/** site.test on two servers: its operators, and those who use it. */
export interface ServedSite extends Operator {
  /** Where users enter, unless DNS says otherwise. */
  readonly target: Target
  readonly visitor: Worker<VisitorVerbs>
  /** `twinedge init`, and what this ground has in place of the internet's. @returns what it has told */
  init(): Promise<string>
  /** A colleague's checkout as ours is now. */
  colleague(laptop: Laptop): Operator
  /** What is at a path, as a user sees it. */
  get(path: string): Promise<string>
  /** What both halves say they are: small apps alone say so. */
  releases(): Promise<{ web: string; api: string }>
}

export interface SiteWanted {
  readonly apps: Apps
  /** Null: the edges make their certificates themselves. */
  readonly authority: DistantPebble | null
}

interface Owner {
  teardown(stop: () => unknown): void
}

/** Nothing of it is on the servers yet. */
export function layOutSite(t: Owner, servers: Servers, { apps, authority }: SiteWanted): ServedSite {
  const folder = newFolder(t)
  writeApps(folder, apps)
  const env: NodeJS.ProcessEnv = {}
  if (authority !== null) {
    env.NODE_EXTRA_CA_CERTS = join(folder, 'authority.pem')
    writeFileSync(env.NODE_EXTRA_CA_CERTS, authority.issuingRoot)
    bringTrust(servers, authority)
  }
  const own = operatorOf(servers.laptop, folder, env)
  const colleague = (laptop: Laptop): Operator => {
    const other = newFolder(t)
    cpSync(folder, other, { recursive: true })
    return operatorOf(laptop, other, env)
  }
  return { ...own, ...usersOf(t, servers, authority), init: () => initSite(own, apps, authority), colleague }
}

function newFolder(t: Owner): string {
  const folder = mkdtempSync(join(tmpdir(), 'te-site-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function usersOf(
  t: Owner,
  { ground, frontend }: Servers,
  authority: DistantPebble | null
): Pick<ServedSite, 'target' | 'visitor' | 'get' | 'releases'> {
  const visitor = ground.clients.visitor()
  t.teardown(() => visitor.stop())
  const ca = authority === null ? {} : { ca: authority.issuingRoot }
  const target: Target = { address: frontend.address, port: 443, name: 'site.test', protocol: 'h2', ...ca }
  const get = async (path: string): Promise<string> => (await visitor.ask('request', { target, path })).text
  const releases = async (): Promise<{ web: string; api: string }> => {
    const [page, api] = await Promise.all([get('/'), get('/api/v1/whoami')])
    return { web: page.replaceAll(/<.*?>/g, ''), api: JSON.parse(api).release }
  }
  return { visitor, target, get, releases }
}

async function initSite({ folder, twinedge }: Operator, apps: Apps, authority: DistantPebble | null): Promise<string> {
  const names = ['--frontend', 'frontend', '--backend', 'ops@backend', '--domain', 'site.test']
  const { code, out, err } = await twinedge('init', ...names)
  if (code !== 0) throw new Error(err)
  if (apps === 'small') nameDockerfile(folder)
  for (const name of ['frontend', 'backend'] as const) writeCertificates(folder, name, authority)
  return out
}

/** On the servers, what makes their edges trust the authority. */
function bringTrust({ frontend, backend }: Servers, { ca }: DistantPebble): void {
  const trust = `services:
  edge:
    environment: { NODE_EXTRA_CA_CERTS: /etc/authority.pem }
    volumes: ["./authority.pem:/etc/authority.pem:ro"]
`
  for (const server of [frontend, backend]) {
    server.write('/opt/twinedge/authority.yml', trust)
    server.write('/opt/twinedge/authority.pem', ca)
  }
}

function writeCertificates(folder: string, name: 'frontend' | 'backend', authority: DistantPebble | null): void {
  const file = join(folder, `${name}.env`)
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^(TLS_MODE|COMPOSE_FILE)=.*\n/gm, ''))
  const own = `TLS_MODE=local\nCOMPOSE_FILE=docker-compose.${name}.yml\n`
  if (authority === null) return appendFileSync(file, own)
  const more = `COMPOSE_FILE=docker-compose.${name}.yml:authority.yml`
  appendFileSync(file, `TLS_MODE=acme\nACME_DIRECTORY=${authority.directory}\n${more}\n`)
}
