import type { Server } from './environment.ts'
import { type Variable, type VariableName, variables } from './variables.ts'

const heads: Record<Server, string> = {
  frontend: 'The frontend server',
  backend: 'The backend server',
  single: 'One server with both halves'
}

const needed: readonly VariableName[] = [
  'DOMAINS',
  'TLS_MODE',
  'ACME_EMAIL',
  'API_ORIGIN',
  'WEB_ORIGIN',
  'EXCELMANUS_AUTH_ENABLED',
  'EXCELMANUS_JWT_SECRET',
  'EXCELMANUS_CORS_ALLOW_ORIGINS'
]

/** A `.env` in which every variable is explained; what has a default is commented out. */
export function exampleEnv(server: Server): string {
  const file =
    server === 'single' ? 'docker-compose.frontend.yml -f docker-compose.backend.yml' : `docker-compose.${server}.yml`
  const lines = [
    `# ${heads[server]}: copy this to .env beside ${file.split(' ')[0]}, chmod 600 .env, and put your own in.`,
    '# What is commented out has the value that stands there, or none.',
    `# Then: twinedge env check ${server}, or right away: docker compose -f ${file} up -d`
  ]
  let part: string | undefined
  for (const [name, row] of Object.entries(variables) as [VariableName, Variable][]) {
    part = row.part ?? part
    if (server !== 'single' && !row.on.includes(server)) continue
    if (server === 'single' && (name === 'API_ORIGIN' || name === 'WEB_ORIGIN')) continue
    if (part !== undefined) lines.push('', `### ${part}`)
    part = undefined
    lines.push(...wrap(row.meaning), lineOf(name, row, server))
  }
  return `${lines.join('\n')}\n`
}

function lineOf(name: VariableName, { default: usual, example }: Variable, server: Server): string {
  if (name === 'SERVER' && server === 'single') return 'SERVER=single'
  if (name === 'COMPOSE_PROFILES') return `# COMPOSE_PROFILES=${slotsOf(server)}`
  // What everybody has to set stands there to be changed; what few need is shown, and off.
  return needed.includes(name) ? `${name}=${example ?? ''}` : `# ${name}=${usual ?? example ?? ''}`
}

function slotsOf(server: Server): string {
  return { frontend: 'web-blue', backend: 'api-blue', single: 'web-blue,api-blue' }[server]
}

function wrap(text: string): string[] {
  const lines = ['#']
  for (const word of text.split(' ')) {
    if (`${lines.at(-1)} ${word}`.length > 110) lines.push('#')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines
}
