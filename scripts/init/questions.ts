import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { relative, resolve } from 'node:path'
import { type Draft, type Found, missingIn, type ServerDraft } from '../../compose/laptop/init/draft.ts'
import { lookUpAddress, type ServerHints, serverAt } from '../../compose/laptop/init/servers.ts'
import { findApiApp } from '../../compose/laptop/init/sources.ts'
import { rows } from '../../compose/laptop/plan/rows.ts'
import type { ServerName } from '../../compose/laptop/plan/site.ts'
import { email } from '../../proxy/config/kinds/accounts.ts'
import type { Questioner } from './terminal.ts'

const domain = rows.domains.kind
const destination = rows['servers.*.ssh'].kind
const address = rows['servers.*.address'].kind
const from = 'you'

/** What could not be found out is asked for, and nothing else. */
export async function askForMissing(
  draft: Draft,
  hints: ServerHints,
  { ask }: Questioner,
  folder: string
): Promise<Draft> {
  if (missingIn(draft).length === 0) return draft
  const domains = draft.domains ?? (await askDomains(ask))
  const servers = await askServers({ ...draft, domains }, hints, ask)
  const asFolder = (what: string, found: Found<string> | null): Promise<Found<string>> | Found<string> =>
    found ?? askFolder(what, ask, folder)
  const web = await asFolder('Folder of the web app (with next.config.*)', draft.web)
  const api = await asFolder('Folder of the API (with pyproject.toml or requirements.txt)', draft.api)
  const app = draft.api === null ? await findApiApp(api.value) : null
  const mail = draft.email ?? (await askEmail(ask))
  const apiArgs = app === null ? draft.apiArgs : [`API_APP=${app}`]
  return { ...draft, domains, servers, web, api, apiArgs, email: mail }
}

async function askDomains(ask: Questioner['ask']): Promise<Found<readonly string[]>> {
  const read = (text: string): string[] | undefined => {
    const names = text.split(/[\s,]+/).filter(Boolean)
    const good = names.flatMap(name => domain.read(name) ?? [])
    return good.length > 0 && good.length === names.length ? good : undefined
  }
  const question = 'Names that are served, with spaces between them'
  return {
    value: await ask({ question, usual: null, read, expected: 'names such as example.com www.example.com' }),
    from
  }
}

async function askServers(draft: Draft, hints: ServerHints, ask: Questioner['ask']): Promise<Draft['servers']> {
  const servers: Partial<Record<ServerName, ServerDraft>> = { ...draft.servers }
  if (servers.single === undefined && (servers.frontend === undefined || servers.backend === undefined)) {
    const isNew = servers.frontend === undefined && servers.backend === undefined
    const count = isNew
      ? await ask({ question: 'How many servers, 1 or 2', usual: '2', read: oneOrTwo, expected: '1 or 2' })
      : 2
    for (const name of count === 1 ? (['single'] as const) : (['frontend', 'backend'] as const)) {
      servers[name] ??= await askServer(name, draft, hints, ask)
    }
  }
  for (const [name, server] of Object.entries(servers)) {
    if (server.address !== null) continue
    const question = `The address of the ${name} server that DNS points at, or would`
    const value = await ask({ question, usual: null, read: address.read, expected: address.expected })
    servers[name as ServerName] = { ...server, address: { value, from } }
  }
  return servers
}

function oneOrTwo(text: string): number | undefined {
  return text === '1' || text === '2' ? Number(text) : undefined
}

async function askServer(
  name: ServerName,
  draft: Draft,
  hints: ServerHints,
  ask: Questioner['ask']
): Promise<ServerDraft> {
  const [first = ''] = draft.domains?.value ?? []
  // DNS leads to the entry of the site, which is the frontend unless somebody has switched.
  const entry = name === 'backend' ? null : await lookUpAddress(first, hints.resolvers)
  const usual = hints.hosts.includes(name) ? name : entry === null ? null : `root@${entry}`
  const question = `The ${name} server, as ssh reaches it`
  const value = await ask({ question, usual, read: destination.read, expected: destination.expected })
  return serverAt(name, { value, from }, hints)
}

async function askFolder(question: string, ask: Questioner['ask'], folder: string): Promise<Found<string>> {
  const read = (text: string): string | undefined => {
    const path = resolve(folder, text.replace(/^~(?=\/|$)/, homedir()))
    return text !== '' && existsSync(path) ? path : undefined
  }
  const expected = `a folder that is there, such as ${relative(folder, resolve(folder, '../app'))}`
  return { value: await ask({ question, usual: null, read, expected }), from }
}

async function askEmail(ask: Questioner['ask']): Promise<Found<string> | null> {
  const question = 'Where the certificate authority may write to (empty: nowhere)'
  const read = (text: string): string | undefined => (text === '' ? '' : email.read(text))
  const value = await ask({ question, usual: '', read, expected: email.expected })
  return value === '' ? null : { value, from }
}
