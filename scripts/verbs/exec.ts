import { parseArgs } from 'node:util'
import { dockerEngine } from '../../compose/engine.ts'
import { onServer } from '../../compose/laptop/look/servers.ts'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { refuseWithoutTool, toolOf } from '../../compose/laptop/ssh/agent.ts'
import { findStack } from '../../compose/stack/stack.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { serversOf, siteAt } from '../laptop/site.ts'
import { hasTerminal, toldFrom } from '../laptop/there.ts'
import { containerOf, partOf, serversWith } from '../look/part.ts'
import { handOver } from '../look/run.ts'
import { type SiteValues, siteOptions, siteUsage } from '../site-file.ts'
import { projectOf } from '../stack/access.ts'

const form = `${siteUsage} [--project NAME] web|api|edge|server -- COMMAND...`
export const summary = 'Run a command in the container that serves, or on the server itself; its exit code is passed on'
export const usage = `${form}

  server     as root, in the folder of the compose files
  --server   which one, where both have it
  --project  of Compose: in the stack on this machine

  What comes on stdin goes to the command; in a terminal, it has one as well.`

export async function run(args: string[]): Promise<number> {
  const at = args.indexOf('--')
  const command = at < 0 ? [] : args.slice(at + 1)
  const { values, positionals } = parseArgs({
    args: at < 0 ? args : args.slice(0, at),
    allowPositionals: true,
    options: { ...siteOptions, project: { type: 'string' } }
  })
  const [place, ...more] = positionals
  if (place === undefined || more.length > 0 || command.length === 0)
    throw new EdgeError('EDGE_USAGE', `twinedge exec ${form}`)
  const part = place === 'server' ? null : partOf(place, `twinedge exec ${form}; there is no ${place}`)
  const site = values.project === undefined ? await siteAt(values) : null
  if (site === null) {
    const project = await projectOf(values)
    if (part === null) return handOver(command, { stdin: 'inherit', merges: false, folder: await folderOf(project) })
    const docker = ['docker', 'exec', hasTerminal() ? '-it' : '-i', await containerOf(project, part)]
    return handOver([...docker, ...command], { stdin: 'inherit', merges: false })
  }
  const names = part === null ? site.servers.map(({ name }) => name) : serversWith(site, part)
  return onServer(only(site, values, names), async ssh => {
    const tool = [...toldFrom(site, ssh.server), toolOf(ssh), 'exec', place, '--project', site.name, '--', ...command]
    const there = ['sh', '-c', 'cd "$0" && exec "$@"', ssh.server.folder, ...command]
    const code = await ssh.attach(part === null ? there : tool, { asRoot: true, hasTerminal: hasTerminal() })
    if (code !== 0 && part !== null) await refuseWithoutTool(ssh)
    return code
  })
}

function only(site: Site, values: SiteValues, names: readonly string[]): ServerPlan {
  const servers = serversOf(site, values).filter(({ name }) => names.includes(name))
  if (servers.length === 1) return servers[0]!
  throw new EdgeError('EDGE_USAGE', `which server? --server ${names.join(' or --server ')}`)
}

async function folderOf(project: string): Promise<string> {
  return (await findStack(await dockerEngine(), project)).folder
}
