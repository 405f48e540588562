import { onServer } from '../../compose/laptop/look/servers.ts'
import type { Part, ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { refuseWithoutTool, toolOf } from '../../compose/laptop/ssh/agent.ts'
import { deploysReport, openLines, togetherOf } from './deploy-report.ts'
import { toldFrom } from './there.ts'
import { type Surroundings, withServers } from './world.ts'

/**
 * `twinedge history [PART]` where there is a site: its deploys; of a part, those that changed it.
 * @returns 1 when a server could not be asked: what only it knows is missing
 */
export async function showDeploys(site: Site, part: Part | null, isJson: boolean): Promise<number> {
  const show = async ({ lines, away, printer }: Surroundings): Promise<number> => {
    const seen = await Promise.all(lines.map(({ ask }) => ask('deploys', null)))
    const { deploys: all, holder } = togetherOf(seen)
    const deploys = all.filter(({ moves }) => part === null || moves.some(move => move.part === part))
    if (isJson) console.log(JSON.stringify(deploys))
    else printer.say([deploysReport(deploys, holder, Date.now()), ...openLines(all, holder)].join('\n'))
    return away.size === 0 ? 0 : 1
  }
  return withServers(site, 'history', show, new AbortController().signal)
}

/** `twinedge history [PART] --server SERVER`: as that server has it, with what was changed there by hand. */
export function showServer(site: Site, server: ServerPlan, args: readonly string[]): Promise<number> {
  return onServer(server, async ssh => {
    const command = [...toldFrom(site, server), toolOf(ssh), 'history', ...args, '--project', site.name]
    const code = await ssh.attach(command, { asRoot: true, hasTerminal: false })
    if (code !== 0) await refuseWithoutTool(ssh)
    return code
  })
}
