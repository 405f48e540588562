import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
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

const recordsOf = ({ project, envFile }: Place): string => join(dirname(envFile), '.twinedge/stack', project)

export async function pendingStep(place: Place): Promise<StepName> {
  const text = await readFile(join(recordsOf(place), 'pending.json'), 'utf8').catch(() => '')
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
    await mkdir(recordsOf(place), { recursive: true })
    // One that asks again and again takes a core from the command that it waits for.
    const records = watch(recordsOf(place))
    for (const late = Date.now() + LONGEST_MS; ; ) {
      const changed = once(records, 'change')
      const found = await pendingStep(place)
      if (isOver || found === step || Date.now() > late) {
        records.close()
        return found
      }
      await Promise.race([changed, end, pause(1_000)])
    }
  }
  const says = async (text: string): Promise<void> => {
    for (const late = Date.now() + LONGEST_MS; !isOver && !said.out.includes(text) && Date.now() < late; )
      await pause(5)
  }
  return { at, says, kill: signal => void child.kill(signal), end }
}

/** `kill -9` at this step. @returns the step that it has left behind, and the signal that it died of */
export async function killAt(
  place: Place,
  step: StepName,
  ...args: string[]
): Promise<readonly [StepName, string | null]> {
  const underway = begin(place, ...args)
  await underway.at(step)
  underway.kill('SIGKILL')
  const { signal } = await underway.end
  return [await pendingStep(place), signal]
}
