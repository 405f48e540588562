import { parseArgs } from 'node:util'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { type SiteValues, siteFile, siteOptions } from '../site-file.ts'

/** Where a verb that works beside an edge was told to work. */
export interface Meant extends SiteValues {
  readonly socket?: string | undefined
  readonly config?: string | undefined
  readonly project?: string | undefined
}

/**
 * What works beside an edge is done on the server that is meant, where a deploy.yaml is found and no option names an edge
 * or a stack of this machine: nobody has to log in there for it.
 * @param typed the verb, and all that follows it
 * @param part of the app that it is about: it tells the server by itself
 * @returns its exit code there; null: it is for this machine
 * @throws EdgeError EDGE_USAGE where either server may be meant, SERVER_TOOL_MISSING, SITE_*, SSH_*
 */
export async function doneThere(typed: readonly string[], meant: Meant, part?: string): Promise<number | null> {
  const isLocal = [meant.socket, meant.config, meant.project].some(value => value !== undefined)
  const isFar = meant.site !== undefined || meant.server !== undefined
  if (isLocal && isFar) {
    throw new EdgeError('EDGE_USAGE', '--site and --server are for servers, --socket, --config and --project for here')
  }
  if (isLocal || (siteFile(meant) === null && !isFar)) return null
  // What knows sites is loaded only where there is one: a health check of a container has no time for it.
  const { siteOf } = await import('./site.ts')
  const site = await siteOf(meant)
  return runThere(site, await serverMeant(site, meant, part), typed, { hasTerminal: hasTerminal() })
}

async function serverMeant(site: Site, meant: SiteValues, part: string | undefined): Promise<ServerPlan> {
  const [{ serversOf }, { parts, serversWith }] = await Promise.all([import('./site.ts'), import('../look/part.ts')])
  const known = parts.find(one => one === part)
  const names = known === undefined ? site.servers.map(({ name }) => name) : serversWith(site, known)
  const [server, ...more] = serversOf(site, meant).filter(({ name }) => names.includes(name))
  if (server !== undefined && more.length === 0) return server
  if (server === undefined) throw new EdgeError('EDGE_USAGE', `${part} is on ${names.join(' and ')}`)
  throw new EdgeError('EDGE_USAGE', `which server? --server ${names.join(' or --server ')}`)
}

/**
 * `twinedge …` on a server, in its folder, as root, in the place of this one: its tool knows who reads what it says.
 * @returns its exit code @throws EdgeError SERVER_TOOL_MISSING, SSH_*
 */
export async function runThere(
  site: Site,
  server: ServerPlan,
  typed: readonly string[],
  how: { readonly hasTerminal: boolean }
): Promise<number> {
  if (typed.some(one => /^--candidate-env(?:=|$)/.test(one))) {
    throw new EdgeError('EDGE_USAGE', '--candidate-env is for the server itself: here its value would stand in lists')
  }
  const [{ onServer }, { refuseWithoutTool, toolOf }] = await Promise.all([
    import('../../compose/laptop/look/servers.ts'),
    import('../../compose/laptop/ssh/agent.ts')
  ])
  return onServer(server, async ssh => {
    const command = [...toldFrom(site, server), toolOf(ssh), ...withoutSite(typed)]
    const there = ['sh', '-c', 'cd "$0" && exec "$@"', server.folder, ...command]
    const code = await ssh.attach(there, { asRoot: true, ...how })
    if (code !== 0) await refuseWithoutTool(ssh)
    return code
  })
}

/** Put before the tool's own command. */
export function toldFrom({ name }: Site, server: ServerPlan): string[] {
  return ['env', `COMPOSE_PROJECT_NAME=${name}`, `TWINEDGE_SERVER=${server.name}`]
}

export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true
}

/** Which site is meant is the laptop's own affair. */
function withoutSite(typed: readonly string[]): string[] {
  const { tokens } = parseArgs({ args: [...typed], options: siteOptions, strict: false, tokens: true })
  const own = tokens.flatMap(token => {
    const isOwn = token.kind === 'option' && Object.hasOwn(siteOptions, token.name)
    return isOwn ? [token.index, ...(token.inlineValue ? [] : [token.index + 1])] : []
  })
  return typed.filter((_, at) => !own.includes(at))
}
