import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { EdgeError } from '../../../proxy/errors.ts'
import type { Site } from '../plan/site.ts'

/** What a hook is told, besides the laptop's own environment. */
export interface HookWords {
  /** null: not yet known. */
  readonly number: number | null
  readonly parts: readonly string[]
  readonly outcome: 'begun' | 'done' | 'failed'
}

interface HookWorld {
  /** The laptop's own. */
  readonly env: NodeJS.ProcessEnv
  readonly say: (line: string) => void
  /** The operator wants it stopped; of a hook that tells of just that, no more is heard. */
  readonly signal: AbortSignal
}

/** A hook that is stopped has so long to clear up. */
const clearMs = 5_000

/**
 * Runs a command of the operator's on this machine, in the folder of deploy.yaml; what it says is told.
 * @throws EdgeError DEPLOY_HOOK_FAILED; the signal's reason
 */
export async function runHook(
  site: Pick<Site, 'folder' | 'hooks'>,
  hook: keyof Site['hooks'],
  words: HookWords,
  { env, say, signal }: HookWorld
): Promise<void> {
  const command = site.hooks[hook]
  if (command === null) return
  say(`hook ${hook}: ${command}`)
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: site.folder,
    env: {
      ...env,
      TWINEDGE_DEPLOY: words.number === null ? '' : `${words.number}`,
      TWINEDGE_PARTS: words.parts.join(','),
      TWINEDGE_OUTCOME: words.outcome
    },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', line => say(`  ${line}`))
  const wasStopped = signal.aborted
  let late: NodeJS.Timeout | undefined
  const stop = (): void => {
    child.kill()
    late = setTimeout(() => child.kill('SIGKILL'), clearMs)
  }
  if (!wasStopped) signal.addEventListener('abort', stop)
  const end = await new Promise<string>(resolve => {
    child.once('error', cause => resolve(cause.message))
    const tell = (code: number | null, by: string | null): void =>
      resolve(code === 0 ? '' : by === null ? `exit code ${code}` : by)
    // What it has begun, and what goes on without it, may hold its output open.
    child.once('close', tell).once('exit', (code, by) => late && tell(code, by))
  })
  clearTimeout(late)
  signal.removeEventListener('abort', stop)
  for (const output of [child.stdout, child.stderr]) output.destroy()
  if (!wasStopped) signal.throwIfAborted()
  if (end !== '') throw new EdgeError('DEPLOY_HOOK_FAILED', `${hook}: ${command}: ${end}`)
}
