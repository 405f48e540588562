import { faultsOf } from '../../env/checks.ts'
import type { Environment } from '../../env/environment.ts'
import { isPublic, rowsOf, type Server } from '../../env/environment.ts'
import { exampleEnv } from '../../env/example.ts'
import { type VariableName, variables } from '../../env/variables.ts'
import { withVariables } from '../../stack/env-lines.ts'
import type { WholeDraft } from './draft.ts'

/** A server's `.env`, and what of it was taken over; names alone, for the values may be secret. */
export interface EnvText {
  readonly text: string
  readonly taken: readonly string[]
  /** Secrets that were made, for there were none that would do. */
  readonly made: readonly string[]
}

export interface EnvWanted {
  readonly draft: WholeDraft
  /** What the app has had so far. */
  readonly before: Environment
  /** A new secret. */
  newSecret(): string
}

/** What only a machine of its own means by these. */
const ofMachines =
  /^(?:PATH|HOME|HOST|HOSTNAME|PORT|PWD|SHELL|USER|LANG|TZ|NODE_ENV|PYTHON\w*|UVICORN_\w+|NEXT_PUBLIC_\w*|BACKEND_\w+)$/
/** The app's own, though the stack explains them. */
const ofApp = /^(?:EXCELMANUS_|POSTGRES_)/
const derived: readonly string[] = ['EXCELMANUS_CORS_ALLOW_ORIGINS']

/** The example, with what is known in it; what the app has had follows. */
export function envText(server: Server, { draft, before, newSecret }: EnvWanted): EnvText {
  const kept = server === 'frontend' ? {} : takenOver(before)
  const own = new Set<string>(rowsOf(server).map(([name]) => name))
  const site = { ...siteVariables(server, draft), ...ownWill(kept) }
  const needsSecret = server !== 'frontend' && isWeak({ ...kept, ...site }, server)
  const made = needsSecret ? ['EXCELMANUS_JWT_SECRET'] : []
  const values = { ...kept, ...site, ...(needsSecret && { EXCELMANUS_JWT_SECRET: newSecret() }) }
  const known = Object.entries(values).filter(([name]) => own.has(name))
  const others = Object.entries(values).filter(([name]) => !own.has(name))
  const example = head(
    server,
    known.reduce((text, [name]) => uncommented(text, name), exampleEnv(server))
  )
  const filled = withVariables(withoutExamples(example, values), quotedAll(known))
  const more = others.length === 0 ? '' : `\n### What the app has had so far\n${lines(others)}`
  return { text: `${filled}${more}`, taken: Object.keys(kept).filter(name => !made.includes(name)), made }
}

function siteVariables(server: Server, { name, domains, email, servers }: WholeDraft): Record<string, string> {
  const names = domains.value
  const peer = servers[server === 'frontend' ? 'backend' : 'frontend']?.address?.value
  const link = server === 'frontend' ? 'API_ORIGIN' : 'WEB_ORIGIN'
  return {
    DOMAINS: `[${names.join(', ')}]`,
    TLS_MODE: isPublic({ DOMAINS: names.join(',') }) ? 'acme' : 'local',
    ACME_EMAIL: email?.value ?? '',
    ...(server !== 'single' &&
      peer !== undefined && { LINK_PEER: peer.includes(':') ? `[${peer}]` : peer, [link]: 'peer' }),
    ...(name !== variables.COMPOSE_PROJECT_NAME.default && { COMPOSE_PROJECT_NAME: name }),
    ...(server !== 'frontend' && {
      EXCELMANUS_AUTH_ENABLED: 'true',
      EXCELMANUS_CORS_ALLOW_ORIGINS: names.map(one => `https://${one}`).join(',')
    })
  }
}

/** Of what a site needs, the app itself may have said otherwise. */
function ownWill({ EXCELMANUS_AUTH_ENABLED: isOn }: Record<string, string>): Record<string, string> {
  return isOn === undefined ? {} : { EXCELMANUS_AUTH_ENABLED: isOn }
}

/** What the app was given; not what a stack says by itself, nor what was meant for the machine that it ran on. */
function takenOver(before: Environment): Record<string, string> {
  const stack = new Set<string>(Object.keys(variables).filter(name => !ofApp.test(name)))
  const kept = Object.entries(before).filter(
    ([name, value]) => value && !stack.has(name) && !ofMachines.test(name) && !derived.includes(name)
  )
  return Object.fromEntries(kept) as Record<string, string>
}

/** Whether what signs logins would be refused at the next start. */
function isWeak(env: Environment, server: Server): boolean {
  return faultsOf(env, server).some(({ name }) => name === 'EXCELMANUS_JWT_SECRET')
}

function head(server: Server, text: string): string {
  const rest = text.split('\n').slice(3)
  const own = [
    `# What \`twinedge bootstrap ${server}\` puts onto the ${server} server as .env. There may be secrets in it: not for git.`,
    '# What is commented out has the value that stands there, or none. A value with a $ in it: in single quotes.',
    `# After a change: twinedge env check ${server} --file ${server}.env; then: twinedge bootstrap ${server}`
  ]
  return [...own, ...rest].join('\n')
}

function uncommented(text: string, name: string): string {
  return text.replace(new RegExp(`^# ${name}=`, 'm'), `${name}=`)
}

/** What an example has in somebody's place, and nobody has said: left out, so that nobody takes it for his own. */
function withoutExamples(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/^([A-Z][A-Z0-9_]*)=(.*)$/gm, (line, name: VariableName) => {
    const isFixed = /^(?:COMPOSE_FILE|WEB_ENV_FILE|SERVER)$/.test(name)
    return isFixed || values[name] ? line : `# ${name}=`
  })
}

function quotedAll(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(entries.filter(([, value]) => value !== '').map(([name, value]) => [name, quoted(value)]))
}

function lines(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([name, value]) => `${name}=${quoted(value)}\n`).join('')
}

/** As Compose reads it back. */
function quoted(value: string): string {
  if (/^[\w@%+=:,./[\] -]*$/.test(value) && value.trim() === value) return value
  if (!value.includes("'") && !value.endsWith('\\')) return `'${value}'`
  return `"${value.replaceAll(/[\\"$]/g, letter => `\\${letter}`)}"`
}
