import { nearest } from '../../proxy/config/faults.ts'
import { domain, hostPort, isItself } from '../../proxy/config/kinds/hosts.ts'
import type { Kind } from '../../proxy/config/kinds/kind.ts'
import {
  domainsOf,
  type Environment,
  type EnvironmentFault,
  effective,
  faultOf,
  isExample,
  isPublic,
  isServer,
  isTrial,
  rowsOf,
  type Server
} from './environment.ts'
import { cors, database, neighbours, tokens } from './exposure.ts'
import { misspelt } from './spelling.ts'
import { type VariableName, variables } from './variables.ts'

type Check = (env: Environment, server: Server) => Iterable<EnvironmentFault>

const checks: readonly Check[] = [
  values,
  halves,
  names,
  tls,
  peers,
  link,
  slots,
  ports,
  tokens,
  cors,
  neighbours,
  database,
  misspelt
]

/** What is missing, weak or at odds, all of it; a trial on this machine alone needs no secrets. */
export function faultsOf(env: Environment, server: Server): EnvironmentFault[] {
  return checks.flatMap(check => [...check(env, server)])
}

/** Each value by itself, as its row has it. */
function* values(env: Environment, server: Server): Iterable<EnvironmentFault> {
  for (const [name, { kind }] of rowsOf(server)) {
    const value = env[name] ?? ''
    if (kind === undefined || value === '' || kind.read(value) !== undefined) continue
    yield faultOf(name, env, expectedOf(kind, value))
  }
  const said = env.SERVER ?? ''
  if (said !== server && isServer(server === 'single' ? said || 'frontend' : said)) {
    yield faultOf('SERVER', env, server === 'single' ? 'single, with both compose files' : `${server}, or nothing`)
  }
}

/** Each compose file says that it is there; by hand, none does. */
function* halves(env: Environment, server: Server): Iterable<EnvironmentFault> {
  const count = [env.HAS_WEB, env.HAS_API].filter(Boolean).length
  if (count === 2 && server !== 'single') yield faultOf('SERVER', env, 'single, with both compose files')
  if (count === 1 && server === 'single')
    yield faultOf('COMPOSE_FILE', env, 'both compose files, where SERVER is single')
}

function expectedOf({ why, expected, options = [] }: Kind<unknown>, value: string): string {
  const near = nearest(value, options)
  return why?.(value) ?? (near === undefined ? expected : `${expected}; probably ${near}`)
}

function* names(env: Environment): Iterable<EnvironmentFault> {
  const all = domainsOf(env)
  const bad = all.find(name => domain.read(name) === undefined)
  if (bad !== undefined) yield faultOf('DOMAINS', env, domain.why?.(bad) ?? 'names such as [a.cn, www.a.cn]')
  if (all.length > 1 && !env.DOMAINS?.startsWith('[')) yield faultOf('DOMAINS', env, `brackets: [${all.join(', ')}]`)
  if (all.some(isExample)) yield faultOf('DOMAINS', env, "your site's own names")
}

function* tls(env: Environment): Iterable<EnvironmentFault> {
  const mode = effective(env, 'TLS_MODE')
  if (mode === 'local' && isPublic(env))
    yield faultOf('TLS_MODE', env, 'acme: browsers refuse a local certificate for a public name')
  if (mode === 'acme' && !isPublic(env) && !env.ACME_DIRECTORY)
    yield faultOf(
      'TLS_MODE',
      env,
      `local, for nobody certifies ${domainsOf(env).join(', ')}; or public names in DOMAINS`
    )
  if (isExample((env.ACME_EMAIL ?? '').replace(/^.*@/, '')))
    yield faultOf('ACME_EMAIL', env, 'an address of your own, or nothing')
}

function* peers(env: Environment, server: Server): Iterable<EnvironmentFault> {
  if (server === 'single' || isTrial(env)) return
  const name = server === 'frontend' ? 'API_ORIGIN' : 'WEB_ORIGIN'
  const host = URL.parse(env[name] ?? '')?.hostname ?? ''
  if (!env[name] || isExample(host)) {
    const other = server === 'frontend' ? 'backend' : 'frontend'
    yield faultOf(name, env, `peer, with LINK_PEER; or the other server's edge, such as https://${other}.site.cn`)
  }
}

const ofTheLink: readonly VariableName[] = ['API_ORIGIN', 'WEB_ORIGIN', 'API_ELSE', 'LINK_FROM', 'LINK_PORT']

/** What the edge would refuse, and what it cannot know: which of the names follow DNS. */
function* link(env: Environment, server: Server): Iterable<EnvironmentFault> {
  const peer = hostPort.read(env.LINK_PEER ?? '')
  if (!env.LINK_PEER) {
    const needs = rowsOf(server).find(([name]) => ofTheLink.includes(name) && isOfLink(name, env[name] ?? ''))
    if (needs !== undefined) yield faultOf('LINK_PEER', env, `the other server's address: ${needs[0]} needs it`)
  }
  if (peer === undefined) return // told already
  const isOwnPort = peer.port === null || peer.port === Number(effective(env, 'LINK_PORT'))
  if (isExample(peer.host)) yield faultOf('LINK_PEER', env, "the other server's own address")
  else if (domainsOf(env).some(name => domain.read(name) === peer.host))
    yield faultOf(
      'LINK_PEER',
      env,
      'its address, or a name that is its alone: DOMAINS follow DNS, and one day lead here'
    )
  else if (isOwnPort && isItself(peer.host))
    yield faultOf('LINK_PEER', env, 'the other server: this is the link of this one')
}

function isOfLink(name: VariableName, value: string): boolean {
  return name.endsWith('_ORIGIN') ? value === 'peer' : value !== ''
}

/** COMPOSE_PROFILES replaces what runs when it says nothing: without a slot, nothing would serve. */
function* slots(env: Environment, server: Server): Iterable<EnvironmentFault> {
  const named = variables.COMPOSE_PROFILES.kind.read(env.COMPOSE_PROFILES ?? '')
  if (named === undefined) return // nothing said, or told already
  for (const app of { frontend: ['web'], backend: ['api'], single: ['web', 'api'] }[server]) {
    if (named.includes(`${app}-blue`) || named.includes(`${app}-green`)) continue
    yield faultOf('COMPOSE_PROFILES', env, `${app}-blue or ${app}-green among them: one of them serves`)
  }
}

function* ports(env: Environment, server: Server): Iterable<EnvironmentFault> {
  const taken = new Map<string, VariableName>()
  for (const [name] of rowsOf(server)) {
    const isIdle = (name === 'SAMPLE_API_PORT' && env.API_ORIGIN) || (name === 'LINK_PORT' && !env.LINK_PEER)
    const isUsed = name.endsWith('_PORT') && !isIdle
    const port = isUsed ? effective(env, name).replace(/^0+/, '') : ''
    if (port === '') continue
    const other = taken.get(port)
    if (other === undefined) taken.set(port, name)
    // Of two, the one that somebody set is the one to change.
    else if (env[name]) yield faultOf(name, env, `another port than that of ${other}`)
    else yield faultOf(other, env, `another port than that of ${name}`)
  }
}
