import { nearest } from '../proxy/config/faults.ts'
import { domain, origin } from '../proxy/config/kinds/hosts.ts'
import { type Side, type Variable, type VariableName, variables } from './variables.ts'

export type Environment = Readonly<Record<string, string | undefined>>
export type Server = Side | 'single'

export interface EnvironmentFault {
  readonly name: VariableName
  /** What stands there, if it may be shown. */
  readonly found: string
  readonly fix: string
}

type Check = (env: Environment, server: Server) => Iterable<EnvironmentFault>

const shortestSecret = 32
const shortestPassword = 16
/** What people leave in the place of a secret. */
const placeholders = /change.?me|secret|example|password|your[-_ ]|xxxx|1234567|abcdefg|default|placeholder|<.*>/i

/** What is missing, weak or at odds in a stack's `.env`; a trial on this machine alone needs no secrets. */
export function faultsOf(env: Environment, server: Server): EnvironmentFault[] {
  const checks: readonly Check[] = [names, tls, peers, secrets, cors, database]
  return checks.flatMap(check => [...check(env, server)])
}

/** Names that this machine alone knows. */
export function isTrial(env: Environment): boolean {
  return domainsOf(env).every(name => /(^|\.)(localhost|test|internal|local)$/.test(name))
}

/** `[a, b]`, `a, b` or `a`. */
export function domainsOf(env: Environment): string[] {
  const written = env.DOMAINS || variables.DOMAINS.default
  const names = written.replace(/^\[(.*)\]$/, '$1').split(',')
  return names.map(name => name.trim().replace(/^(["'])(.*)\1$/, '$2')).filter(name => name !== '')
}

function* names(env: Environment): Iterable<EnvironmentFault> {
  const bad = domainsOf(env).filter(name => domain.read(name) === undefined)
  if (bad.length > 0) yield fault('DOMAINS', env, 'names such as [example.com, www.example.com]')
  const written = env.DOMAINS ?? ''
  if (written.includes(',') && !written.startsWith('[')) yield fault('DOMAINS', env, `brackets around it: [${written}]`)
}

function* tls(env: Environment): Iterable<EnvironmentFault> {
  const mode = env.TLS_MODE || variables.TLS_MODE.default
  const modes = ['local', 'acme', 'files']
  if (!modes.includes(mode)) {
    const near = nearest(mode, modes)
    yield fault('TLS_MODE', env, `one of ${modes.join(', ')}${near === undefined ? '' : `; probably ${near}`}`)
  } else if (mode === 'local' && !isTrial(env)) {
    yield fault('TLS_MODE', env, 'acme: browsers refuse a local certificate for a public name')
  }
}

function* peers(env: Environment, server: Server): Iterable<EnvironmentFault> {
  if (server === 'single') return
  const name = server === 'frontend' ? 'API_ORIGIN' : 'WEB_ORIGIN'
  const value = env[name] ?? ''
  if (value === '' && !isTrial(env))
    yield fault(name, env, `the other server's address, such as ${variables[name].example}`)
  if (value !== '' && origin.read(value) === undefined) yield fault(name, env, origin.why?.(value) ?? origin.expected)
}

function* secrets(env: Environment, server: Server): Iterable<EnvironmentFault> {
  if (server === 'frontend' || isOff(env.EXCELMANUS_AUTH_ENABLED) || (isTrial(env) && !env.EXCELMANUS_JWT_SECRET))
    return
  const why = weaknessOf(env.EXCELMANUS_JWT_SECRET ?? '', shortestSecret)
  if (why !== null) yield fault('EXCELMANUS_JWT_SECRET', env, `a secret (${why}): openssl rand -base64 36`)
}

function* cors(env: Environment, server: Server): Iterable<EnvironmentFault> {
  if (server === 'frontend' || isTrial(env)) return
  const allowed = (env.EXCELMANUS_CORS_ALLOW_ORIGINS ?? '').split(/[\s,[\]"']+/).filter(text => text !== '')
  const wanted = domainsOf(env).map(name => `https://${name}`)
  const missing = wanted.filter(one => !allowed.includes(one))
  if (allowed.includes('*'))
    yield fault('EXCELMANUS_CORS_ALLOW_ORIGINS', env, `the site alone, not everybody: ${wanted.join(',')}`)
  else if (missing.length > 0) yield fault('EXCELMANUS_CORS_ALLOW_ORIGINS', env, `${missing.join(',')} as well`)
}

function* database(env: Environment, server: Server): Iterable<EnvironmentFault> {
  if (server === 'frontend' || !(env.COMPOSE_PROFILES ?? '').split(',').includes('postgres')) return
  const why = weaknessOf(env.POSTGRES_PASSWORD ?? '', shortestPassword)
  if (why !== null) yield fault('POSTGRES_PASSWORD', env, `a password (${why}): openssl rand -base64 18`)
}

/** @returns null when it may do */
function weaknessOf(secret: string, shortest: number): string | null {
  if (secret === '') return 'there is none'
  if (secret.length < shortest) return `it has ${secret.length} characters, ${shortest} are the least`
  if (placeholders.test(secret)) return 'what stands there is a placeholder'
  return new Set(secret).size < 10 ? 'it repeats itself' : null
}

function isOff(flag: string | undefined): boolean {
  return /^(false|0|no|off)$/i.test(flag ?? '')
}

function fault(name: VariableName, env: Environment, fix: string): EnvironmentFault {
  const variable: Variable = variables[name]
  const value = env[name] ?? ''
  const found = value === '' ? 'nothing' : variable.isSecret ? 'what may not be shown' : JSON.stringify(value)
  return { name, found, fix }
}
