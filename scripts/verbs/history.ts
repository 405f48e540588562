import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { edgeAt } from '../../compose/edge-client.ts'
import { dockerEngine } from '../../compose/engine.ts'
import type { Site } from '../../compose/laptop/plan/site.ts'
import { readJournal } from '../../compose/record/journal.ts'
import { readLock } from '../../compose/record/lock.ts'
import { readPending } from '../../compose/record/pending.ts'
import { servingOf } from '../../compose/stack/slots.ts'
import { findStack, recordsOf } from '../../compose/stack/stack.ts'
import { changingOf } from '../../compose/status/changing.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { showDeploys, showServer } from '../laptop/history.ts'
import { serversOf, siteFor } from '../laptop/site.ts'
import { type SiteValues, siteOptions, siteUsage } from '../site-file.ts'
import { projectOf, stackOptions, stackUsage } from '../stack/access.ts'
import { historyTable } from '../stack/report.ts'
import { changingLines } from '../stack/status-report.ts'

export const summary =
  'List the deploys of a site, or what was swapped and rolled back on a server, by whom, and what users saw of it'
export const usage = `[web|api] ${stackUsage} [--json]
twinedge history [web|api] ${siteUsage} [--json]
              where there is a deploy.yaml: the deploys of the site, or those that changed one half; of one server: what
              was swapped, rolled back and restarted on it`

export async function run(args: string[]): Promise<number> {
  const options = { ...stackOptions, ...siteOptions, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const site = await siteFor(values)
  if (site !== null) return historyOf(site, values, positionals)
  const stack = await findStack(await dockerEngine(), await projectOf(values))
  const records = recordsOf(stack)
  const journal = await readJournal(records)
  const found = journal.filter(({ upstream }) => positionals.length === 0 || positionals.includes(upstream))
  const words = found.length === 0 ? 'nothing was swapped here yet' : historyTable(found, Date.now())
  console.log(values.json ? JSON.stringify(found) : words)
  if (values.json) return 0
  // What has not ended is in no journal yet.
  const lock = await readLock(records, hostname(), () => new Date())
  const edge = edgeAt(values.socket ?? stack.socket).status()
  const changing = changingOf(lock, await readPending(records), await edge.then(servingOf, () => null))
  for (const line of changingLines(changing, Date.now())) console.log(line)
  return 0
}

function historyOf(
  site: Site,
  values: SiteValues & { readonly json?: boolean | undefined },
  [name, ...more]: readonly string[]
): Promise<number> {
  const isPart = name === 'web' || name === 'api'
  if (more.length > 0 || (name !== undefined && !isPart)) {
    throw new EdgeError('EDGE_USAGE', 'twinedge history [web|api] [--server frontend|backend]')
  }
  if (values.server === undefined) return showDeploys(site, isPart ? name : null, values.json === true)
  const [server] = serversOf(site, values)
  return showServer(site, server!, [...(isPart ? [name] : []), ...(values.json === true ? ['--json'] : [])])
}
