import { execFileSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Worker } from '../../bench/load/worker.ts'
import { type Outcome, project } from '../command.ts'
import { type DistantPebble, startDistantPebble } from '../wan/programs/authority.ts'
import type { Target } from '../wan/programs/exchange.ts'
import type { VisitorVerbs } from '../wan/programs/visitor.ts'
import type { Machine } from './machine.ts'
import { layServers, type Servers } from './servers.ts'

/** Two servers that were set up from a laptop's folder as a site, with certificates, and nothing deployed yet. */
export interface LaidSite extends Servers {
  readonly authority: DistantPebble
  /** With deploy.yaml, each server's `.env`, web/ and api/. */
  readonly folder: string
  readonly visitor: Worker<VisitorVerbs>
  /** The site, as somebody finds it whose resolver says that server. */
  at(server: Machine): Target
  twinedge(...args: string[]): Promise<Outcome>
}

export interface SiteWanted {
  /** A name that looks public: of others the doctor has less to say. */
  readonly domain?: string
  /** More lines of deploy.yaml. */
  readonly more?: string
}

export async function laySite(t: Test, { domain = 'site.test', more = '' }: SiteWanted = {}): Promise<LaidSite> {
  const servers = await layServers(t, { engine: true, delayMs: 20, laptop: { delayMs: 10 } })
  const { frontend, backend, laptop, ground } = servers
  const authority = await startDistantPebble(t, ground.clients)
  await authority.setDns(domain, [frontend.address])
  const folder = appFolder(t, authority)
  const env = { NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem') }
  const twinedge = (...args: string[]) => laptop.twinedge(args, { folder, env, timeoutMs: 240_000 })
  const visitor = ground.clients.visitor()
  t.teardown(() => visitor.stop())
  const names = ['--frontend', 'frontend', '--backend', 'ops@backend', '--domain', domain]
  await orThrow(twinedge('init', ...names))
  appendFileSync(join(folder, 'deploy.yaml'), more)
  for (const server of [frontend, backend]) bringTrust(server, authority)
  for (const name of ['frontend', 'backend']) {
    const file = join(folder, `${name}.env`)
    const text = readFileSync(file, 'utf8').replace(/^(TLS_MODE|COMPOSE_FILE)=.*\n/gm, '')
    const compose = `COMPOSE_FILE=docker-compose.${name}.yml:authority.yml`
    writeFileSync(file, `${text}TLS_MODE=acme\nACME_DIRECTORY=${authority.directory}\n${compose}\n`)
  }
  await orThrow(twinedge('bootstrap'))
  const shared = { port: 443, name: domain, protocol: 'h2', ca: authority.issuingRoot, isFresh: true } as const
  return { ...servers, authority, folder, visitor, twinedge, at: ({ address }) => ({ ...shared, address }) }
}

/** The sample app, in a repository of its own. */
function appFolder(t: Test, authority: DistantPebble): string {
  const folder = mkdtempSync(join(tmpdir(), 'te-site-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const isSource = (file: string): boolean => !/\/(?:node_modules|\.next|__pycache__)/.test(file)
  for (const part of ['web', 'api']) {
    cpSync(join(project, 'images', part, 'sample'), join(folder, part), { recursive: true, filter: isSource })
  }
  writeFileSync(join(folder, 'authority.pem'), authority.issuingRoot)
  const commit = 'git init -q && git add web api && git -c user.name=x -c user.email=x@example.com commit -qm first'
  execFileSync('sh', ['-c', commit], { cwd: folder })
  return folder
}

/** What makes a server's edge trust the authority. */
function bringTrust(server: Machine, authority: DistantPebble): void {
  const trust = `services:
  edge:
    environment: { NODE_EXTRA_CA_CERTS: /etc/authority.pem }
    volumes: ["./authority.pem:/etc/authority.pem:ro"]
`
  server.write('/opt/twinedge/authority.yml', trust)
  server.write('/opt/twinedge/authority.pem', authority.ca)
}

async function orThrow(asked: Promise<Outcome>): Promise<void> {
  const { code, out, err } = await asked
  if (code !== 0) throw new Error(`exit code ${code}:\n${out}${err}`)
}
