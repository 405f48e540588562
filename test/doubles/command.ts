import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const project = join(import.meta.dirname, '../..')

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Surroundings {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs?: number
}

/** Runs a program to its end, as an operator does in a shell; killed after `timeoutMs`, of which 60 s are the usual. */
export function command(
  program: string,
  args: readonly string[],
  { cwd, env, timeoutMs = 60_000 }: Surroundings = {}
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  const child = spawn(program, args, {
    cwd,
    env: env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', chunk => {
    said.out += chunk
  })
  child.stderr.on('data', chunk => {
    said.err += chunk
  })
  child.on('error', reject)
  child.on('close', code => resolve({ code, ...said }))
  return promise
}

/** Whether a process still runs. */
export function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** `twinedge …` on this project. */
export function twinedge(args: readonly string[], env: NodeJS.ProcessEnv = {}, timeoutMs?: number): Promise<Outcome> {
  // Tests run under tap's loaders; the command must not.
  const { NODE_OPTIONS: _, EDGE_CONTROL_SOCKET: __, ...outer } = process.env
  return command(join(project, 'scripts/twinedge'), args, {
    env: { ...outer, ...env },
    ...(timeoutMs && { timeoutMs })
  })
}
