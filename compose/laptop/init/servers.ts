import { isIP } from 'node:net'
import { freshResolver } from '../dns/name-server.ts'
import type { ServerName } from '../plan/site.ts'
import { hostCalled, sshHostOf } from '../ssh/hosts.ts'
import type { DeployEnv } from './deploy-env.ts'
import type { Found, ServerDraft } from './draft.ts'

/** Where servers may be named, the first counts. */
export interface ServerHints {
  /** By option: name → what ssh takes. */
  readonly named: Readonly<Partial<Record<ServerName, string>>>
  /** By option: name → address. */
  readonly addresses: Readonly<Partial<Record<ServerName, string>>>
  /** By option, for all of them. */
  readonly key: string | null
  readonly deployEnv: DeployEnv | null
  /** Of ssh's configuration. */
  readonly hosts: readonly string[]
  /** IP:PORT; none: this machine's own. */
  readonly resolvers: readonly string[]
}

type Destinations = Partial<Record<ServerName, Found<string>>>

export async function findServers(hints: ServerHints): Promise<Partial<Record<ServerName, ServerDraft>>> {
  const found = Object.entries(destinationsIn(hints)) as [ServerName, Found<string>][]
  const drafts = found.map(async ([name, ssh]) => [name, await serverAt(name, ssh, hints)] as const)
  return Object.fromEntries(await Promise.all(drafts))
}

/** One server, or two: whoever names one kind has not meant the other. */
function destinationsIn({ named, deployEnv, hosts }: ServerHints): Destinations {
  const said = (name: ServerName): Found<string> | null =>
    named[name] === undefined ? null : { value: named[name], from: `--${name}` }
  const single = said('single')
  if (single !== null) return { single }
  const isTwo = named.frontend !== undefined || named.backend !== undefined
  const { frontend = null, backend = null } = deployEnv ?? {}
  const from = '.env.deploy'
  if (!isTwo && backend !== null && frontend === null) return { single: { value: backend, from } }
  const called = (name: 'frontend' | 'backend'): Found<string> | null => {
    const host = hostCalled(name, hosts)
    return host === null ? null : { value: host, from: "ssh's configuration" }
  }
  const of = (name: 'frontend' | 'backend', old: string | null): Destinations => {
    const destination = said(name) ?? (old === null ? null : { value: old, from }) ?? called(name)
    return destination === null ? {} : { [name]: destination }
  }
  return { ...of('frontend', frontend), ...of('backend', frontend === null ? null : backend) }
}

/** Also for one that was named just now. */
export async function serverAt(name: ServerName, ssh: Found<string>, hints: ServerHints): Promise<ServerDraft> {
  const { addresses, key, deployEnv } = hints
  const said = addresses[name]
  const address = said === undefined ? await addressOf(ssh, hints) : { value: said, from: '--address' }
  return { ssh, address, key: key ?? (ssh.from === '.env.deploy' ? (deployEnv?.key ?? null) : null) }
}

/** Of the host that ssh would go to. */
async function addressOf({ value, from }: Found<string>, { resolvers }: ServerHints): Promise<Found<string> | null> {
  const host = (await sshHostOf(value))?.host ?? ''
  if (isIP(host) !== 0) return { value: host, from }
  const found = host === '' ? null : await lookUpAddress(host, resolvers)
  return found === null ? null : { value: found, from: `DNS for ${host}` }
}

/** @returns null where it has none */
export async function lookUpAddress(name: string, resolvers: readonly string[]): Promise<string | null> {
  const resolver = freshResolver(resolvers)
  const four = await resolver.resolve4(name).catch(() => [])
  const all = four.length > 0 ? four : await resolver.resolve6(name).catch(() => [])
  return all[0] ?? null
}
