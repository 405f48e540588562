import { basename } from 'node:path'
import { domain } from '../../../proxy/config/kinds/hosts.ts'
import { readEnvFile } from '../../env/env-file.ts'
import { domainsOf, type Environment, type EnvironmentFault, faultOf } from '../../env/environment.ts'
import { type ServerPlan, type Site, stackKindOf } from './site.ts'

/** A server, and its `.env` as the laptop has it. */
interface Described {
  readonly env: string
  readonly server: Pick<ServerPlan, 'envFile'>
}

/** The halves' compose files that a server has. */
export function composeFiles(server: Pick<ServerPlan, 'name' | 'standby'>): string[] {
  const stack = stackKindOf(server)
  return (stack === 'single' ? ['frontend', 'backend'] : [stack]).map(half => `docker-compose.${half}.yml`)
}

/**
 * What COMPOSE_FILE is to be where the laptop's `.env` says `written`. Of a standby `init` has written the backend's file
 * alone; files of the operator's own come after the halves.
 * @returns null: as it is written
 */
export function composeFileFor(server: Pick<ServerPlan, 'name' | 'standby'>, written = ''): string | null {
  if (written === '') return composeFiles(server).join(':')
  const [first = ''] = composeFiles(server)
  return server.standby && !written.split(':').includes(first) ? `${first}:${written}` : null
}

/** Of the names in deploy.yaml, those that an edge with this `.env` would turn away. */
export function unservedNames({ domains }: Pick<Site, 'domains'>, env: Environment): EnvironmentFault[] {
  const served = domainsOf(env).map(name => domain.read(name) ?? name)
  const rest = domains.filter(name => !served.includes(name))
  return rest.length === 0 ? [] : [faultOf('DOMAINS', env, `${rest.join(', ')} as well: deploy.yaml has it`)]
}

/** Compose's. */
export function projectOf({ env, server }: Described): string {
  return readEnvFile(env, server.envFile).env.COMPOSE_PROJECT_NAME || 'twinedge'
}

/** On one server, what the web app may see is a file of its own, beside the `.env` here and there; null: there is none. */
export function webEnvName({ env, server }: Described): string | null {
  const name = readEnvFile(env, server.envFile).env.WEB_ENV_FILE
  return !name || name !== basename(name) || name === '.env' ? null : name
}
