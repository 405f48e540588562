import { identityOf } from '../../compose/laptop/dns/caa.ts'
import type { Asking } from '../../compose/laptop/dns/records.ts'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { readVariable } from '../../compose/stack/env-file.ts'
import { EdgeError } from '../../proxy/errors.ts'

/** For parseArgs: which site, and who is asked. */
export const askingOptions = {
  site: { type: 'string' },
  resolver: { type: 'string', multiple: true },
  authority: { type: 'string', multiple: true },
  json: { type: 'boolean' }
} as const

export interface AskingValues {
  readonly site?: string | undefined
  readonly resolver?: string[] | undefined
  readonly authority?: string[] | undefined
  readonly json?: boolean | undefined
}

export function askingOf({ resolver = [], authority = [] }: AskingValues): Asking {
  return { resolvers: resolver, authorities: authority }
}

/** The server that DNS is to lead to, and the other one. @throws EdgeError EDGE_USAGE */
export function bothServers({ servers }: Site, name: string | undefined): { target: ServerPlan; old: ServerPlan } {
  const target = servers.find(server => server.name === name)
  const old = servers.find(server => server.name !== name)
  if (target !== undefined && old !== undefined) return { target, old }
  if (servers.length < 2) throw new EdgeError('EDGE_USAGE', 'one server with both halves has no other one to switch to')
  const names = servers.map(one => one.name).join(' or ')
  const why = name === undefined ? 'DNS does not lead to one of them alone: say which' : `found "${name}"`
  throw new EdgeError('EDGE_USAGE', `expected ${names}; ${why}`)
}

/** Who certifies the names, as CAA records call it; null: nobody, or it is not known by name. */
export async function issuerOf({ servers }: Site): Promise<string | null> {
  const said = await Promise.all(
    servers.map(async ({ envFile }) => ({
      mode: await readVariable(envFile, 'TLS_MODE'),
      directory: await readVariable(envFile, 'ACME_DIRECTORY')
    }))
  )
  const found = said.find(({ mode }) => mode !== '')
  return found !== undefined && found.mode !== 'acme' ? null : identityOf(found?.directory ?? '')
}
