import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** All that a build says, on this laptop's disk, and its last lines for whoever asks. */
export interface BuildLog {
  readonly file: string
  line(text: string): void
  last(): string
  close(): Promise<void>
}

const lastLines = 15

/** The one of this name that was there is written over. */
export async function openLog(name: string): Promise<BuildLog> {
  const folder = join(homedir(), '.cache/twinedge/builds')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${name.replaceAll(/[^\w.-]/g, '-')}.log`)
  const out = createWriteStream(file, { mode: 0o600 })
  let last: string[] = []
  out.on('error', () => {}) // a full disk does not end the build, which would tell of it
  return {
    file,
    line(text) {
      out.write(`${text}\n`)
      if (text.trim() !== '') last = [...last, text].slice(-lastLines)
    },
    last: () => last.join('\n'),
    close: () => new Promise(resolve => out.end(resolve))
  }
}
