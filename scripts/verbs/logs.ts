import { parseArgs } from 'node:util'
import { dockerEngine } from '../../compose/engine.ts'
import { findStack } from '../../compose/stack/stack.ts'
import { count, duration } from '../../proxy/config/kinds/amounts.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { serversOf, siteAt } from '../laptop/site.ts'
import { readable, siteLogs } from '../look/logs.ts'
import { partOf, type StackPart, serversWith } from '../look/part.ts'
import { handOver } from '../look/run.ts'
import { siteOptions, siteUsage } from '../site-file.ts'
import { projectOf, read } from '../stack/access.ts'

export const summary = 'Print the logs of the edge and of the apps, of one server or of both; follow them'
export const usage = `[-f] [web|api|edge] [--since 10m] [--lines 100] [--json] ${siteUsage} [--project NAME]

  -f         goes on with whatever is said next, until Ctrl-C
  --since    of the last minutes or hours, however much that is
  --lines    the last so many of each container
  --json     the edge's lines as it has written them, on a terminal as well; into a file or a pipe they always are
  --project  of Compose: of the stack on this machine`

const options = {
  ...siteOptions,
  follow: { type: 'boolean', short: 'f' },
  since: { type: 'string' },
  lines: { type: 'string' },
  project: { type: 'string' },
  json: { type: 'boolean' },
  // Ends with its stdin, which a laptop holds.
  attended: { type: 'boolean' }
} as const

type Values = ReturnType<typeof parse>['values']

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse(args)
  const [name, ...more] = positionals
  if (more.length > 0) throw new EdgeError('EDGE_USAGE', 'twinedge logs [-f] [web|api|edge]')
  const part = name === undefined ? null : partOf(name, `logs of web, api or edge; there is no ${name}`)
  const since = values.since === undefined ? null : read(duration(), values.since, '--since') / 1_000
  const lines = read(count({ min: 1 }), values.lines ?? (since === null ? '100' : '100000'), '--lines')
  const what = [...(values.follow ? ['--follow'] : []), ...(since === null ? [] : ['--since', `${since}s`])]
  const site = values.project === undefined ? await siteAt(values) : null
  if (site === null) return own(part, [...what, '--tail', `${lines}`], values)
  const names = part === null ? null : serversWith(site, part)
  const servers = serversOf(site, values).filter(server => names?.includes(server.name) ?? true)
  if (servers.length === 0) throw new EdgeError('EDGE_USAGE', `${part} is on ${names?.join(' and ')}`)
  const asked = [...(part === null ? [] : [part]), ...what, '--lines', `${lines}`, '--project', site.name]
  return siteLogs(servers, asked, isForPeople(values))
}

function isForPeople({ json }: Pick<Values, 'json'>): boolean {
  return process.stdout.isTTY === true && json !== true
}

function parse(args: string[]) {
  return parseArgs({ args, allowPositionals: true, options })
}

async function own(part: StackPart | null, what: readonly string[], values: Values): Promise<number> {
  const project = await projectOf(values)
  const engine = await dockerEngine()
  await findStack(engine, project)
  const here = (await engine.list(project)).map(({ service }) => service)
  const services = part === null ? here : here.filter(service => service === part || service.startsWith(`${part}-`))
  if (services.length === 0) throw new EdgeError('LOOK_NO_CONTAINER', `${part} has no container here`)
  const until = new AbortController()
  if (values.attended) process.stdin.on('end', () => until.abort()).resume()
  const stdin = values.attended ? 'ignore' : 'inherit'
  const command = ['docker', 'compose', '--ansi', 'never', '-p', project, 'logs', ...what, ...services]
  const attended = values.attended ? { until: until.signal } : {}
  const code = isForPeople(values)
    ? // In order with what it says on stderr.
      await handOver(['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command], {
        ...{ merges: false, stdin, ...attended },
        each: line => console.log(readable(line))
      })
    : await handOver(command, { merges: true, stdin, ...attended })
  // What held the other end of it has nothing to wait for.
  if (values.attended) process.stdin.destroy()
  return until.signal.aborted ? 0 : code
}
