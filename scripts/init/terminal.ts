import { createInterface } from 'node:readline/promises'
import { EdgeError } from '../../proxy/errors.ts'

export interface Asked<T> {
  readonly question: string
  /** Taken when nothing is typed; null: something has to be. */
  readonly usual: string | null
  /** @returns undefined for what will not do */
  read(text: string): T | undefined
  readonly expected: string
}

/** Somebody at a terminal. */
export interface Questioner {
  /** @throws EdgeError SITE_UNKNOWN when nobody is there any more */
  ask<T>(asked: Asked<T>): Promise<T>
  close(): void
}

/** Nobody types the same mistake more often. */
const tries = 5

/** @returns null where there is nobody to be asked */
export function questioner(): Questioner | null {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return null
  // Lines as the terminal gives them: what was typed before the question is not lost.
  const terminal = createInterface({ input: process.stdin, output: process.stdout, terminal: false })
  const lines = terminal[Symbol.asyncIterator]()
  const one = async <T>({ question, usual, read, expected }: Asked<T>): Promise<T> => {
    for (let left = tries; left > 0; left--) {
      process.stdout.write(`${question}${usual === null || usual === '' ? '' : ` [${usual}]`}: `)
      const { value, done } = await lines.next()
      if (done === true) break
      const found = read(value.trim() || (usual ?? ''))
      if (found !== undefined) return found
      console.log(`  expected ${expected}`)
    }
    throw new EdgeError('SITE_UNKNOWN', question)
  }
  return { ask: one, close: () => terminal.close() }
}
