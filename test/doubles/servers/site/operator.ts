import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Outcome, project } from '../../command.ts'
import type { Laptop } from '../laptop.ts'

const LONGEST_MS = 200_000

/** Somebody at a laptop, in the folder of a site. */
export interface Operator {
  readonly laptop: Laptop
  readonly folder: string
  /** `twinedge …`, to its end. */
  twinedge(...args: string[]): Promise<Outcome>
  begin(...args: string[]): Underway
}

/** A command that goes on. */
export interface Underway {
  /** Resolves as soon as it has told its operator this. @throws when it has ended without */
  says(text: string): Promise<void>
  readonly end: Promise<Outcome>
}

export function operatorOf(laptop: Laptop, folder: string, env: NodeJS.ProcessEnv = {}): Operator {
  const begin = (...args: string[]): Underway => {
    const child = laptop.spawn(join(project, 'scripts/twinedge'), args, { folder, env })
    const said = { out: '', err: '' }
    for (const [stream, name] of [
      [child.stdout!, 'out'],
      [child.stderr!, 'err']
    ] as const) {
      stream.setEncoding('utf8').on('data', chunk => {
        said[name] += chunk
      })
    }
    const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS)
    let isOver = false
    const end = new Promise<Outcome>((resolve, reject) => {
      child.once('error', reject).once('close', code => {
        isOver = true
        clearTimeout(late)
        resolve({ code, ...said })
      })
    })
    const says = async (text: string): Promise<void> => {
      while (!said.out.includes(text)) {
        if (isOver) throw new Error(`it has ended, and has not said "${text}":\n${said.out}${said.err}`)
        await pause(5)
      }
    }
    return { says, end }
  }
  return { laptop, folder, twinedge: (...args) => begin(...args).end, begin }
}
