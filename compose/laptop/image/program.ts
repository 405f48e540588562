import { spawn } from 'node:child_process'

export interface Ran {
  /** null: there is no such program, or it was killed. */
  readonly code: number | null
  readonly stdout: string
}

interface Options {
  /** Every line, of either stream, as it is said. */
  line?(text: string): void
  /** Ends it. */
  readonly signal?: AbortSignal | undefined
}

/** A program of the laptop's to its end. It has no input. */
export function run(program: string, args: readonly string[], { line, signal }: Options = {}): Promise<Ran> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) })
  const stdout: Buffer[] = []
  child.stdout.on('data', chunk => stdout.push(chunk))
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.on('data', chunk => {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      for (const each of lines) line?.(each)
    })
    stream.on('end', () => rest !== '' && line?.(rest))
  }
  return new Promise(resolve => {
    child.once('error', () => resolve({ code: null, stdout: '' }))
    child.once('close', code => resolve({ code, stdout: Buffer.concat(stdout).toString() }))
  })
}
