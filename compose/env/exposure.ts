import { domain } from '../../proxy/config/kinds/hosts.ts'
import {
  domainsOf,
  type Environment,
  type EnvironmentFault,
  effective,
  faultOf,
  hasSecrets,
  isExample,
  isTrial,
  type Server
} from './environment.ts'
import { flag } from './kinds.ts'

const shortestSecret = 32
const shortestPassword = 16
const fewestCharacters = 10
/** What people leave in the place of a secret. */
const placeholders = /change.?me|secret|example|password|your[-_ ]|xxxx|1234567|abcdefg|default|placeholder|<.*>/i

/** What signs logins: whoever guesses it is everybody. */
export function* tokens(env: Environment, server: Server): Iterable<EnvironmentFault> {
  const isOn = flag.read(env.EXCELMANUS_AUTH_ENABLED ?? '')
  if (server === 'frontend' || isOn === false) return
  // Unless it was asked for, the app does without logins.
  if (isTrial(env) && isOn !== true && !env.EXCELMANUS_JWT_SECRET) return
  const why = weaknessOf(env.EXCELMANUS_JWT_SECRET ?? '', shortestSecret)
  if (why !== null) yield faultOf('EXCELMANUS_JWT_SECRET', env, `a secret (${why}): openssl rand -base64 36`)
}

/** The app compares a browser's `Origin` with its list, letter by letter. */
export function* cors(env: Environment, server: Server): Iterable<EnvironmentFault> {
  if (server === 'frontend' || isTrial(env)) return
  const name = 'EXCELMANUS_CORS_ALLOW_ORIGINS'
  const written = env[name] ?? ''
  const entries = written.split(',').flatMap(entry => entry.trim() || [])
  const wanted = domainsOf(env).map(one => `https://${domain.read(one) ?? one}`)
  if (/[[\]"']|\S\s+\S/.test(written.replaceAll(/,\s+/g, ',')))
    return yield faultOf(name, env, `origins with commas between them and nothing around: ${wanted.join(',')}`)
  if (entries.includes('*')) return yield faultOf(name, env, `the site alone, not everybody: ${wanted.join(',')}`)
  if (entries.some(entry => isExample(secured(entry).slice(8)))) yield faultOf(name, env, "your site's own origins")
  const port = env.HTTPS_PORT && env.HTTPS_PORT !== '443' ? `:${env.HTTPS_PORT}` : ''
  const missing = wanted.filter(one => !entries.includes(one) && !entries.includes(`${one}${port}`))
  const wrongs = entries.filter(entry => missing.includes(secured(entry)) || /\/\/.*\//.test(entry))
  const instead = wrongs.map(
    entry => `${missing.includes(secured(entry)) ? secured(entry) : bare(entry)} instead of ${entry}`
  )
  const more = missing.filter(one => !wrongs.some(entry => secured(entry) === one)).map(one => `${one} as well`)
  if (instead.length + more.length > 0) yield faultOf(name, env, [...instead, ...more].join(', '))
}

/** `http://Example.com/` → `https://example.com` */
function secured(entry: string): string {
  return `https://${bare(entry).replace(/^.*\/\//, '')}`.toLowerCase()
}

/** Without a path or a slash after it. */
function bare(entry: string): string {
  return entry.replace(/^((?:.*?\/\/)?[^/]*).*$/, '$1')
}

/** Where both halves share a file, the web app would get what is for the API alone. */
export function* neighbours(env: Environment, server: Server): Iterable<EnvironmentFault> {
  const file = env.WEB_ENV_FILE || effective(env, 'ENV_FILE')
  if (server !== 'single' || file !== effective(env, 'ENV_FILE') || !hasSecrets(env)) return
  yield faultOf('WEB_ENV_FILE', env, 'a file of its own, such as web.env: the web app would get the secrets of the API')
}

export function* database(env: Environment, server: Server): Iterable<EnvironmentFault> {
  if (server === 'frontend' || !(env.COMPOSE_PROFILES ?? '').split(',').includes('postgres')) return
  const why = weaknessOf(env.POSTGRES_PASSWORD ?? '', shortestPassword)
  if (why !== null) yield faultOf('POSTGRES_PASSWORD', env, `a password (${why}): openssl rand -hex 16`)
}

/** @returns null when it may do */
function weaknessOf(secret: string, shortest: number): string | null {
  if (secret === '') return 'there is none'
  if (secret.length < shortest) return `it has ${secret.length} characters, ${shortest} are the least`
  if (placeholders.test(secret)) return 'what stands there is a placeholder'
  return new Set(secret).size < fewestCharacters ? 'it repeats itself' : null
}
