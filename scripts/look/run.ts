import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'
import { EdgeError } from '../../proxy/errors.ts'

/** As a shell has it: 128 and the signal's number. */
const bySignal = 128

interface Manner {
  readonly stdin: 'inherit' | 'ignore'
  /** Whether its stderr goes to our stdout, in order. */
  readonly merges: boolean
  /** Where no compose file is meant, one that happens to lie about must not be. */
  readonly folder?: string
  /** Given each line of its stdout, in place of our own. */
  readonly each?: (line: string) => void
  /** Ends it, with what it has started. */
  readonly until?: AbortSignal
}

/**
 * Runs a program in the place of this one: the terminal and its signals are that one's.
 * @returns its exit code
 * @throws EdgeError LOOK_FAILED when it cannot be started
 */
export async function handOver(command: readonly string[], how: Manner): Promise<number> {
  const { stdin, merges, folder = '/', until, each } = how
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    stdio: [stdin, each === undefined ? 'inherit' : 'pipe', merges ? 1 : 'inherit'],
    cwd: folder
  })
  if (each !== undefined && child.stdout !== null) createInterface({ input: child.stdout }).on('line', each)
  // Ctrl-C is for it, who is in the same terminal; what becomes of it is told by its exit code.
  const ignore = (): void => {}
  process.on('SIGINT', ignore)
  until?.addEventListener('abort', () => child.pid !== undefined && endTree(child.pid))
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.once('error', cause => reject(new EdgeError('LOOK_FAILED', `${program}: ${cause.message}`, cause)))
  child.once('close', (code, signal) => resolve(code ?? bySignal + (constants.signals[signal ?? 'SIGKILL'] ?? 0)))
  return promise.finally(() => process.off('SIGINT', ignore))
}

/**
 * Docker's plugins have groups of their own, outlive it where it is ended before it knows of them, and lose a SIGTERM in
 * their first moments: what only reads can be killed.
 */
function endTree(pid: number): void {
  for (const child of childrenOf(pid)) endTree(child)
  try {
    process.kill(pid, 'SIGKILL')
  } catch {} // it is over
}

/** Each thread has its own: Go's processes start others from any of them. */
function childrenOf(pid: number): number[] {
  return globSync(`/proc/${pid}/task/*/children`).flatMap(file => {
    try {
      return readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number)
    } catch {
      return [] // the thread is over
    }
  })
}
