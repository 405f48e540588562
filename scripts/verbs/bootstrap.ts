import { hostname, userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { bootstrapSite } from '../../compose/laptop/bootstrap/site.ts'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { edgeBuild } from '../../compose/laptop/tool/edge-build.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { describeResult } from '../bootstrap/report.ts'
import { printerOn } from '../laptop/progress.ts'
import { siteOf } from '../laptop/site.ts'

export const summary = 'Set a server up: from a bare one to an edge that serves; again, and nothing changes'
export const usage = `[frontend | backend | single] [--dry-run] [--take-over] [--enable-firewall]
                   [--docker-repository URL] [--site FILE]

  (none)       every server of the site, and then the link between them
  --dry-run    prints every command, file and line that would be changed, and changes nothing
  --take-over  where an nginx has the ports: imports its certificates for the site's domains and stops it; it starts again
               if the edge does not. A domain for which it has none that is good is no reason to leave it: until ACME has
               issued one, browsers warn of the one that it is shown
  --enable-firewall    turns ufw or firewalld on where it is installed and off, with ssh let in; else it stays off
  --docker-repository  where Docker's packages come from, instead of the distribution or download.docker.com`

const options = {
  site: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  'take-over': { type: 'boolean', default: false },
  'enable-firewall': { type: 'boolean', default: false },
  'docker-repository': { type: 'string' }
} as const

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const site = await siteOf(values)
  const servers = serversOf(site, positionals)
  const repository = values['docker-repository']?.replace(/\/+$/, '') ?? null
  if (repository !== null && !/^https?:\/\/[\w.:/-]+$/.test(repository)) {
    throw new EdgeError(
      'EDGE_USAGE',
      '--docker-repository: expected an address, such as https://mirror.example.com/docker-ce/linux'
    )
  }
  const { 'dry-run': dryRun, 'take-over': takeOver, 'enable-firewall': enableFirewall } = values
  if (!dryRun) tellWhenStopped()
  const printer = printerOn(process.stdout, Date.now)
  const edge = await edgeBuild(printer.progress)
  const result = await bootstrapSite({
    site,
    servers,
    orders: { dryRun, takeOver, enableFirewall, repository },
    edge,
    by: `${userInfo().username}@${hostname()}`,
    now: () => new Date(),
    say: printer.say
  }).finally(edge.close)
  printer.say(describeResult(site, result, dryRun))
  return 0
}

function serversOf({ servers }: Site, names: readonly string[]): readonly ServerPlan[] {
  const [name, ...more] = names
  if (name === undefined) return servers
  const found = servers.filter(one => one.name === name)
  if (found.length === 1 && more.length === 0) return found
  throw new EdgeError(
    'EDGE_USAGE',
    `twinedge bootstrap: expected ${servers.map(one => one.name).join(' or ')}, found "${names.join(' ')}"`
  )
}

/** Nothing is undone, and the servers hold the lock for whoever may only have lost the line: that is no reason to wonder. */
function tellWhenStopped(): void {
  process.once('SIGINT', () => {
    console.error(
      'stopped: what had been begun is in twinedge status; twinedge bootstrap goes on from there, in 45 s at the latest'
    )
    process.exit(130)
  })
}
