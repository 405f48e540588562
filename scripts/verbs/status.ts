import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { edgeAt } from '../../compose/edge-client.ts'
import type { Sight } from '../../compose/status/stack-status.ts'
import type { StatusAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError, failures } from '../../proxy/errors.ts'
import { ask, findSocket, type Place, placeOptions } from '../control-client.ts'
import { serversOf, siteAt } from '../laptop/site.ts'
import { siteStatus } from '../look/status.ts'
import { siteOptions, siteUsage } from '../site-file.ts'
import { projectOf, stackOptions } from '../stack/access.ts'
import { edgeReport } from '../stack/edge-report.ts'
import { stackReport } from '../stack/status-report.ts'

export const summary =
  'Show the slots, their containers and releases, what is in flight, what changes, and the certificates'
export const usage = `${siteUsage} [--project NAME] [--socket PATH | --config FILE] [--json]

  --site, --server    all servers of a deploy.yaml, or one of them; without any option, of the deploy.yaml that is found

  --project           of Compose, by default COMPOSE_PROJECT_NAME or twinedge
  --socket, --config  an edge alone, wherever it runs; with --project, of that stack`

/** Nobody waits longer to be told that an engine hangs. */
const engineMs = 10_000

interface Values extends Place {
  readonly project?: string | undefined
}

interface Seen {
  readonly edge: StatusAnswer | EdgeError
  /** null: `missing` says why. */
  readonly stack: Sight['stack'] | null
  readonly missing: string | null
}

export async function run(args: string[]): Promise<number> {
  const options = { ...siteOptions, ...placeOptions, ...stackOptions, json: { type: 'boolean' } } as const
  const { values } = parseArgs({ args, options })
  const isLocal = [values.project, values.socket, values.config].some(value => value !== undefined)
  const site = isLocal ? null : await siteAt(values)
  if (site !== null) return siteStatus(site, serversOf(site, values), values.json === true)
  const { edge, stack, missing } = await look(values)
  const failure = edge instanceof EdgeError ? told(edge) : null
  const answer = edge instanceof EdgeError ? {} : edge
  console.log(values.json ? JSON.stringify({ ...answer, stack, missing, failure }) : describe({ edge, stack, missing }))
  // What is known has been said; what failed is told as any other verb tells it.
  if (edge instanceof EdgeError) throw edge
  return 0
}

async function look(values: Values): Promise<Seen> {
  const place = values.socket ?? values.config ?? process.env.EDGE_CONTROL_SOCKET
  if (values.project === undefined && place !== undefined) {
    return { ...(await edgeAlone(values)), missing: 'an edge was named; --project NAME is for a stack' }
  }
  try {
    return { ...(await lookAtStack(values)), missing: null }
  } catch (cause) {
    // A plain edge, or one that sees no engine from within its container.
    if (!(cause instanceof EdgeError) || values.project !== undefined) throw cause
    const missing = `${cause.message} (within its container an edge sees no engine: ask on the server itself)`
    return { ...(await edgeAlone(values).catch(also(missing))), missing }
  }
}

async function edgeAlone(values: Values): Promise<Omit<Seen, 'missing'>> {
  const { body } = await ask(values, 'GET', '/status')
  return { edge: JSON.parse(body) as StatusAnswer, stack: null }
}

function also(missing: string): (cause: unknown) => never {
  return cause => {
    throw cause instanceof EdgeError ? new EdgeError(cause.code, `${cause.detail}\n${missing}`, cause) : cause
  }
}

/** Loads what knows the engine only here: an edge alone is told of in half the time. */
async function lookAtStack(values: Values): Promise<Sight> {
  const { stackStatus } = await import('../../compose/status/stack-status.ts')
  const { dockerEngine } = await import('../../compose/engine.ts')
  return stackStatus(await projectOf(values), {
    engine: await dockerEngine(engineMs),
    edgeAt,
    socket: values.config === undefined ? values.socket : await findSocket(values),
    host: hostname(),
    meminfo: () => readFile('/proc/meminfo', 'utf8').catch(() => ''),
    now: () => new Date()
  })
}

function told({ code, detail }: EdgeError): object {
  return { code, detail, next: failures[code].next }
}

function describe({ edge, stack, missing }: Seen): string {
  const nowMs = Date.now()
  const half = stack === null ? `no containers, releases and changes are shown: ${missing}` : stackReport(stack, nowMs)
  return [...(edge instanceof EdgeError ? [] : [edgeReport(edge, nowMs)]), half].join('\n\n')
}
