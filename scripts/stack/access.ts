import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Manner } from '../../compose/change/change.ts'
import { readSlotEnvironment, type SlotEnvironment } from '../../compose/container/slot-environment.ts'
import type { Access } from '../../compose/session.ts'
import { readVariable } from '../../compose/stack/env-file.ts'
import { count, duration } from '../../proxy/config/kinds/amounts.ts'
import type { Kind } from '../../proxy/config/kinds/kind.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'

/** For parseArgs: which stack is meant. */
export const stackOptions = { project: { type: 'string' }, socket: { type: 'string' } } as const
export const stackUsage = '[--project NAME] [--socket PATH]'

/** For parseArgs: how it is to change. */
export const changeOptions = {
  ...stackOptions,
  hold: { type: 'boolean' },
  within: { type: 'string' },
  drain: { type: 'string' },
  keep: { type: 'string' },
  'candidate-env': { type: 'string', multiple: true },
  'hand-over': { type: 'string' },
  'break-lock': { type: 'string' },
  json: { type: 'boolean' }
} as const
export const changeUsage = `[--hold] [--within 2m] [--drain 10m] [--keep 3]
       [--candidate-env NAME[=VALUE] ... --hand-over COMMAND]
       ${stackUsage} [--break-lock WHO] [--json]

  --hold        requests wait at the edge while one slot stops and the other starts: for too little memory, and for
                what must not run twice and cannot be told not to
  --within      how long the new slot may take to become healthy
  --drain       how long requests and streams of the old slot may go on
  --keep        how many releases keep their image
  --candidate-env
                a variable that the new container has until the hand-over, and no longer when it is started again later:
                to keep off in it what must not run twice (a bot's poller, say). NAME alone has the value that this
                command's environment has, which no list of processes shows
  --hand-over   run in the new container once it serves and the old one has stopped: what only one of them may do
  --break-lock  take over from a command that hangs; WHO is what COMPOSE_LOCKED says
  --project     of Compose, by default COMPOSE_PROJECT_NAME or twinedge`

interface StackValues {
  readonly project?: string | undefined
  readonly socket?: string | undefined
}

interface ChangeValues extends StackValues {
  readonly hold?: boolean | undefined
  readonly within?: string | undefined
  readonly drain?: string | undefined
  readonly keep?: string | undefined
  readonly 'candidate-env'?: string[] | undefined
  readonly 'hand-over'?: string | undefined
  readonly 'break-lock'?: string | undefined
  readonly json?: boolean | undefined
}

/** @throws EdgeError EDGE_USAGE */
export function mannerOf(values: ChangeValues): Manner {
  return {
    isHeld: values.hold === true,
    withinMs: read(duration(), values.within ?? '2m', '--within'),
    drainMs: read(duration(), values.drain ?? '10m', '--drain'),
    keep: read(count({ min: 1, max: 100 }), values.keep ?? '3', '--keep'),
    handOver: values['hand-over'] ?? null
  }
}

/** @param verb what was typed */
export async function accessOf(values: ChangeValues, verb: string): Promise<Access> {
  const host = hostname()
  const user = process.env.SUDO_USER || userInfo().username
  return {
    project: await projectOf(values),
    socket: values.socket,
    operator: { who: `${user}@${host}`, host, verb },
    isOrdered: false,
    breaks: values['break-lock'],
    env: process.env,
    candidateEnv: candidateEnvOf(values),
    // What a container or an upstream has said may be in it.
    say: text => console[values.json ? 'error' : 'log'](text.split('\n').map(printable).join('\n')),
    signal: interruption()
  }
}

function candidateEnvOf({ 'candidate-env': texts = [], 'hand-over': handOver }: ChangeValues): SlotEnvironment {
  if (texts.length > 0 && handOver === undefined) {
    const why = 'what it keeps off in the candidate would be off until that is started again'
    throw new EdgeError('EDGE_USAGE', `--candidate-env without --hand-over: ${why}; say how it is switched on`)
  }
  return readSlotEnvironment(texts, process.env)
}

export async function projectOf({ project }: StackValues): Promise<string> {
  const written = join(import.meta.dirname, '../../.env')
  const name = project ?? process.env.COMPOSE_PROJECT_NAME
  return name || (await readVariable(written, 'COMPOSE_PROJECT_NAME').catch(() => '')) || 'twinedge'
}

/** Ctrl-C undoes what was begun, until the flip. A terminal that dies ends nothing: what was begun is carried out. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => controller.abort(new EdgeError('COMPOSE_INTERRUPTED', `stopped by ${signal}`)))
  }
  process.on('SIGHUP', () => {})
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  return controller.signal
}

/** @throws EdgeError EDGE_USAGE */
export function read<T>(kind: Kind<T>, text: string, option: string): T {
  const value = kind.read(text)
  if (value === undefined) throw new EdgeError('EDGE_USAGE', `${option}: expected ${kind.expected}`)
  return value
}
