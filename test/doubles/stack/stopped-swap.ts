import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { project } from '../command.ts'
import type { Character, SmallStack } from './small-stack.ts'

export interface Stopped {
  /** That it had written down; '' when nothing is pending. */
  readonly step: string
  readonly exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null }
}

export function pendingOf(stack: SmallStack): string {
  try {
    return readFileSync(join(stack.folder, '.twinedge/stack', stack.project, 'pending.json'), 'utf8')
  } catch {
    return ''
  }
}

/** Starts a swap, and sends the signal as soon as it is at `step`. */
export async function swapUntil(
  stack: SmallStack,
  step: string,
  signal: NodeJS.Signals,
  ...[character, ...options]: [Character, ...string[]]
): Promise<Stopped> {
  const asked = ['swap', 'web', stack.image(character), '--project', stack.project, ...options]
  const start = ['-u', 'NODE_OPTIONS', join(project, 'scripts/twinedge'), ...asked]
  const child: ChildProcess = spawn('env', start, { stdio: 'ignore' })
  const exit = new Promise<Stopped['exit']>(resolve => child.on('exit', (code, by) => resolve({ code, signal: by })))
  for (const end = Date.now() + 20_000; Date.now() < end && stepOf(stack) !== step; ) await pause(1)
  child.kill(signal)
  return { exit: await exit, step: stepOf(stack) }
}

function stepOf(stack: SmallStack): string {
  return (/"step":"(\w+)"/.exec(pendingOf(stack)) ?? [])[1] ?? ''
}
