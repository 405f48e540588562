import { shown } from '../../proxy/config/faults.ts'
import { type Side, type Variable, type VariableName, variables } from './variables.ts'

/** The variables of one stack, from its `.env`, its shell or both. */
export type Environment = Readonly<Record<string, string | undefined>>
export type Server = Side | 'single'
export const servers: readonly Server[] = ['frontend', 'backend', 'single']

export interface EnvironmentFault {
  /** A variable's name, or a file's. */
  readonly name: string
  /** What stands there, if it may be shown. */
  readonly found: string
  readonly expected: string
}

/** What means nothing where both halves are: there is no other server, and nothing stands in for it. */
const ofPairs: readonly string[] = ['API_ORIGIN', 'WEB_ORIGIN', 'WEB_ADDRESS', 'API_ADDRESS', 'SAMPLE_API_PORT']

export function isServer(name: string): name is Server {
  return servers.some(server => server === name)
}

/** The variables that mean something on this server, in the order of the example. */
export function rowsOf(server: Server): [VariableName, Variable][] {
  const rows = Object.entries(variables) as [VariableName, Variable][]
  return rows.filter(([name, { on }]) => (server === 'single' ? !ofPairs.includes(name) : on.includes(server)))
}

/** What a variable comes to: empty is not set, as in the compose files. */
export function effective(env: Environment, name: VariableName): string {
  return env[name] || variables[name].default || ''
}

/** Names that nobody else can come by: then there is nothing to protect yet. */
export function isTrial(env: Environment): boolean {
  return domainsOf(env).every(name => /(?:^|\.)(?:localhost|test)$/i.test(name))
}

/** Whether an authority may certify any of the names: RFC 6761, RFC 6762, and what ICANN set aside for networks. */
export function isPublic(env: Environment): boolean {
  return !domainsOf(env).every(name => /(?:^|\.)(?:localhost|test|internal|local|lan|home\.arpa)$/i.test(name))
}

/** `[a, b]`, `a, b` or `a`. */
export function domainsOf(env: Environment): string[] {
  const names = effective(env, 'DOMAINS')
    .replace(/^\[(.*)\]$/, '$1')
    .split(',')
  return names.map(name => name.trim().replace(/^(["'])(.*)\1$/, '$2')).filter(name => name !== '')
}

/** What an example has in place of somebody's own: RFC 2606, RFC 5737. */
export function isExample(host: string): boolean {
  return /(?:^|\.)example(?:\.(?:com|net|org))?$/i.test(host) || /^(?:192\.0\.2|198\.51\.100|203\.0\.113)\./.test(host)
}

/** A fault of a variable of ours, which never shows a secret. */
export function faultOf(name: VariableName, env: Environment, expected: string): EnvironmentFault {
  const { isSecret }: Variable = variables[name]
  const value = env[name] ?? ''
  return { name, found: isSecret && value !== '' ? 'what may not be shown' : shown(value), expected }
}

/**
 * Who else on this machine can read the file.
 * @param file as the operator would name it
 * @param mode of `stat`
 */
export function modeFaults(file: string, mode: number, env: Environment): EnvironmentFault[] {
  if ((mode & 0o077) === 0 || (isTrial(env) && !hasSecrets(env))) return []
  const digits = (mode & 0o7777).toString(8).padStart(4, '0')
  return [{ name: file, found: `mode ${digits}`, expected: `0600: chmod 600 ${file}` }]
}

export function hasSecrets(env: Environment): boolean {
  const rows = Object.entries(variables) as [VariableName, Variable][]
  return rows.some(([name, { isSecret }]) => isSecret && Boolean(env[name]))
}
