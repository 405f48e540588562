import { parseArgs } from 'node:util'
import { type ServerPlan, type Site, serverOf } from '../../compose/laptop/plan/site.ts'
import { restart, restartEdge } from '../../compose/restart.ts'
import { changeStack } from '../../compose/session.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { serversOf, siteAt } from '../laptop/site.ts'
import { runThere } from '../laptop/there.ts'
import { partOf, serversWith } from '../look/part.ts'
import { siteOptions, siteUsage } from '../site-file.ts'
import { accessOf, changeOptions, changeUsage, mannerOf } from '../stack/access.ts'
import { changeReport } from '../stack/report.ts'

export const summary = 'Restart the web app or the API with nobody noticing, or the edge, which takes a moment'
export const usage = `web|api|edge ${siteUsage} ${changeUsage}

  web, api  what serves is started anew in the other slot, and takes over: a swap to the same image
  edge      its requests may go on for 40 s; meanwhile, and until it is back, new ones wait or are refused. On both
            servers: one after the other`

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...siteOptions, ...changeOptions }
  })
  const [name, ...more] = positionals
  const part = partOf(more.length > 0 ? undefined : name, 'twinedge restart web|api|edge')
  const how = mannerOf(values)
  const site = values.project === undefined && values.socket === undefined ? await siteAt(values) : null
  if (site !== null) {
    const names = serversWith(site, part)
    const servers = serversOf(site, values).filter(server => names.includes(server.name))
    const [first] = servers
    if (first === undefined) throw new EdgeError('EDGE_USAGE', `${part} is on ${names.join(' and ')}`)
    // Its value would stand in two lists of processes, and a name alone would have the server's.
    if (values['candidate-env'] !== undefined) {
      const { ssh } = values.server === undefined && part !== 'edge' ? serverOf(site, part) : first
      const there = `ssh ${ssh}, and there: NAME=VALUE twinedge restart ${part} --candidate-env NAME`
      throw new EdgeError('EDGE_USAGE', `--candidate-env is for the server itself: ${there} --hand-over COMMAND`)
    }
    return onSite(site, servers, args)
  }
  const access = await accessOf(values, `restart ${part}`)
  if (part === 'edge') {
    const { tookMs } = await changeStack(access, restartEdge)
    console.log(values.json ? JSON.stringify({ tookMs }) : `edge: restarted; ${(tookMs / 1_000).toFixed(1)} s in all`)
    return 0
  }
  const entry = await changeStack(access, parties => restart(parties, part, how))
  console.log(values.json ? JSON.stringify(entry) : changeReport(entry))
  return 0
}

/**
 * On each of these servers, one after the other: there is always one that serves. What was begun is carried out there even
 * if the line is lost.
 * @param args as they were typed
 * @returns the exit code of the first that failed, with which it ends
 */
async function onSite(site: Site, servers: readonly ServerPlan[], args: readonly string[]): Promise<number> {
  for (const server of servers.toReversed()) {
    if (servers.length > 1) console.log(`${server.name}:`)
    const code = await runThere(site, server, ['restart', ...args], { hasTerminal: false })
    if (code !== 0) return code
  }
  return 0
}
