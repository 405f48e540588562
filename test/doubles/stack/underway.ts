import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { project as house, type Outcome } from '../command.ts'

/** As the records of the stack have it; '' when nothing is pending. */
export type StepName = string

/** `twinedge …` on a stack, while it goes on. */
export interface Underway {
  /** It is at this step, or has been killed or ended. @returns the one that it is at */
  at(step: StepName): Promise<StepName>
  /** It has told its operator this; or has ended. */
  says(text: string): Promise<void>
  kill(signal: NodeJS.Signals): void
  readonly end: Promise<Outcome & { readonly signal: NodeJS.Signals | null }>
}

const LONGEST_MS = 60_000

export async function pendingStep({ project, envFile }: Place): Promise<StepName> {
  const text = await readFile(join(dirname(envFile), '.twinedge/stack', project, 'pending.json'), 'utf8').catch(
    () => ''
  )
  // Written whole, by a rename.
  return text === '' ? '' : JSON.parse(text).step
}

interface Place {
  readonly project: string
  readonly envFile: string
}

export function begin(place: Place, ...args: string[]): Underway {
  // Tests run under tap's loaders; the command must not. `env` and the launcher both end in an exec: it is one process.
  const start = ['-u', 'NODE_OPTIONS', join(house, 'scripts/twinedge'), ...args, '--project', place.project]
  const child = spawn('env', start, { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { out: '', err: '' }
  child.stdout.on('data', chunk => {
    said.out += chunk
  })
  child.stderr.on('data', chunk => {
    said.err += chunk
  })
  let isOver = false
  const end = new Promise<Awaited<Underway['end']>>(resolve => {
    child.on('close', (code, signal) => {
      isOver = true
      resolve({ code, signal, ...said })
    })
  })
  const at = async (step: StepName): Promise<StepName> => {
    let found = await pendingStep(place)
    for (const late = Date.now() + LONGEST_MS; !isOver && found !== step && Date.now() < late; ) {
      await pause(1)
      found = await pendingStep(place)
    }
    return found
  }
  const says = async (text: string): Promise<void> => {
    for (const late = Date.now() + LONGEST_MS; !isOver && !said.out.includes(text) && Date.now() < late; )
      await pause(5)
  }
  return { at, says, kill: signal => void child.kill(signal), end }
}
