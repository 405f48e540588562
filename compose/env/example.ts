import { rowsOf, type Server } from './environment.ts'
import { type Variable, type VariableName, variables } from './variables.ts'

const heads: Record<Server, string> = {
  frontend: 'The frontend server',
  backend: 'The backend server',
  single: 'One server with both halves'
}

/** What stands there as it is. */
const fixed: Record<Server, Partial<Record<VariableName, string>>> = {
  frontend: { COMPOSE_FILE: 'docker-compose.frontend.yml' },
  backend: { COMPOSE_FILE: 'docker-compose.backend.yml' },
  single: {
    COMPOSE_FILE: 'docker-compose.frontend.yml:docker-compose.backend.yml',
    WEB_ENV_FILE: 'web.env',
    SERVER: 'single'
  }
}

/** What everybody has to put in. */
export const needed: readonly VariableName[] = [
  'DOMAINS',
  'TLS_MODE',
  'ACME_EMAIL',
  'LINK_PEER',
  'API_ORIGIN',
  'WEB_ORIGIN',
  'EXCELMANUS_AUTH_ENABLED',
  'EXCELMANUS_JWT_SECRET',
  'EXCELMANUS_CORS_ALLOW_ORIGINS'
]

const shownProfiles: Record<Server, string> = {
  frontend: 'web-blue',
  backend: 'api-blue',
  single: 'web-blue,api-blue'
}

/** A `.env` in which every variable is explained; what has a default is commented out. */
export function exampleEnv(server: Server): string {
  const lines = [
    `# ${heads[server]}. Copy this to .env beside the compose files, chmod 600 .env, and put in what is yours.`,
    '# What is commented out has the value that stands there, or none. A value with a $ in it: in single quotes.',
    `# Then: docker compose up -d. It checks this file first, as does: twinedge env check ${server} --file .env`
  ]
  let part: string | undefined
  for (const [name, row] of rowsOf(server)) {
    // The row that heads a part may not be there on this server.
    const head = partOf(name)
    if (head !== part) lines.push('', `### ${head}`)
    part = head
    lines.push(...wrap(row.meaning), lineOf(name, row, server))
  }
  return `${lines.join('\n')}\n`
}

function partOf(wanted: VariableName): string {
  let part = ''
  for (const [name, row] of Object.entries<Variable>(variables)) {
    part = row.part ?? part
    if (name === wanted) break
  }
  return part
}

function lineOf(name: VariableName, { default: usual, example }: Variable, server: Server): string {
  const value = fixed[server][name]
  if (value !== undefined) return `${name}=${value}`
  if (name === 'COMPOSE_PROFILES') return `# ${name}=${shownProfiles[server]}`
  // What everybody has to set stands there to be changed; what few need is shown, and off. One server needs no other.
  const isNeeded = needed.includes(name) && !(server === 'single' && name === 'LINK_PEER')
  return isNeeded ? `${name}=${example ?? ''}` : `# ${name}=${usual ?? example ?? ''}`
}

function wrap(text: string): string[] {
  const lines = ['#']
  for (const word of text.split(' ')) {
    if (`${lines.at(-1)} ${word}`.length > 118) lines.push('#')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines
}
