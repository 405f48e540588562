import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Character, SmallStack } from './small-stack.ts'
import { begin, pendingStep } from './underway.ts'

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
  const swap = begin(stack, 'swap', 'web', stack.image(character), ...options)
  await swap.at(step)
  swap.kill(signal)
  const { code, signal: by } = await swap.end
  return { exit: { code, signal: by }, step: await pendingStep(stack) }
}
