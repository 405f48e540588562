import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { project } from './command.ts'
import { connectRaw, type RunningEdge } from './edge.ts'

export type LogLine = Record<string, unknown>

/** `twinedge run --config FILE` as an operator starts it: a process of its own, with its signals and its exit code. */
export interface EdgeProcess {
  readonly child: ChildProcess
  readonly folder: string
  /** The configuration that it was started with. */
  readonly file: string
  readonly socket: string
  readonly httpPort: number
  readonly httpsPort: number
  readonly ca: string
  readonly lines: readonly LogLine[]
  /** Resolves with the first line, past or future, that `wanted` accepts; the test's own timeout bounds it. */
  line(wanted: (line: LogLine) => boolean): Promise<LogLine>
  write(yaml: string): Promise<void>
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/**
 * Starts it, waits until it serves, and kills it with the test if it is still there.
 * @param inside a command's start that puts what follows elsewhere: into a network namespace
 */
export async function startEdgeProcess(
  t: Pick<Test, 'teardown'>,
  yaml: string,
  env: NodeJS.ProcessEnv = {},
  inside: readonly string[] = []
): Promise<EdgeProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  const file = join(folder, 'edge.yaml')
  const write = (text: string): Promise<void> =>
    writeFile(file, /^state:/m.test(text) ? text : `${text}\nstate: "${folder}"\n`)
  await write(yaml)
  const { EDGE_CONTROL_SOCKET: _, ...outer } = process.env
  // tap gives each child its loaders; `env` takes them away and becomes the edge.
  const start = [...inside, join(project, 'scripts/twinedge'), 'run', '--config', file]
  const child = spawn('env', ['-u', 'NODE_OPTIONS', ...start], {
    env: { ...outer, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(resolve => {
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exit
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const { lines, line } = readLines(child)
  const died = exit.then(({ code }) => Promise.reject(new Error(`it did not start: exit ${code}`)))
  const serving = await Promise.race([line(({ message }) => message === 'serving'), died])
  died.catch(() => {})
  const ca = await readFile(join(folder, 'local-ca', 'root.pem'), 'utf8').catch(() => '')
  const ports = { httpPort: Number(serving.http), httpsPort: Number(serving.https) }
  return { child, folder, file, socket: join(folder, 'control.sock'), ...ports, ca, lines, line, write, exit }
}

/** A TLS connection to it. */
export function connectTo(edge: Pick<RunningEdge, 'httpsPort' | 'ca'>, alpn?: 'http/1.1' | 'h2'): Promise<TLSSocket> {
  return connectRaw(edge as RunningEdge, alpn)
}

/** Looks until it is so; throws after five seconds of looking. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const late = performance.now() + 5_000
  while (!(await isSo())) {
    if (performance.now() > late) throw new Error(`not within 5 s: ${what}`)
    await pause(10)
  }
}

function readLines(child: ChildProcess): Pick<EdgeProcess, 'lines' | 'line'> {
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  let rest = ''
  child.stdout!.on('data', chunk => {
    const whole = `${rest}${chunk}`.split('\n')
    rest = whole.pop()!
    for (const text of whole) if (text.startsWith('{')) lines.push(JSON.parse(text))
    for (const look of waiting) look()
  })
  child.stderr!.pipe(process.stderr)
  const line = (wanted: (line: LogLine) => boolean): Promise<LogLine> => {
    const { promise, resolve } = Promise.withResolvers<LogLine>()
    const look = (): void => {
      const found = lines.find(wanted)
      if (found === undefined) return
      waiting.delete(look)
      resolve(found)
    }
    waiting.add(look)
    look()
    return promise
  }
  return { lines, line }
}
