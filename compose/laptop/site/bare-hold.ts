import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { EdgeError } from '../../../proxy/errors.ts'
import type { Holder } from '../../server/deploy/records.ts'
import type { Ssh } from '../ssh/ssh.ts'

/** A lease outlives its laptop's last word by half a minute. */
const wordMs = 8_000

/** A server that is ours alone: the same lock as a deploy's, for a server on which there may be no tool to ask. */
export interface BareHold {
  readonly token: string
  /** What goes on now, for whoever wants the site as well. @throws EdgeError DEPLOY_LOCKED when it was lost */
  at(step: string): Promise<void>
  /** Without asking. @throws EdgeError DEPLOY_LOCKED */
  refuseLost(): void
  /** As JSON: what whoever finds it taken is told. */
  about(): string
  free(): Promise<void>
}

export interface Wanting {
  /** user@host of the laptop. */
  readonly by: string
  /** As it was typed. */
  readonly verb: string
  readonly now: () => Date
}

/** What a shell on the server does about the lock; other scripts that have to keep it begin with it as well. */
export function leaseScript(): Promise<string> {
  return readFile(join(import.meta.dirname, 'lease.sh'), 'utf8')
}

/** Nothing is changed, and so nothing is held: what a dry run works under. */
export const noHold: BareHold = {
  token: '',
  about: () => '{}',
  at: async () => {},
  refuseLost: () => {},
  free: async () => {}
}

/** @throws EdgeError DEPLOY_LOCKED with who has it, since when, and at what; SERVER_STEP_FAILED; SSH_* */
export async function holdBare(ssh: Ssh, { by, verb, now }: Wanting): Promise<BareHold> {
  const token = randomUUID()
  const since = now().toISOString()
  // No host: what was begun there may outlive this process, so that nobody takes it from one that has died.
  const aboutAt = (step: string): string =>
    JSON.stringify({ id: token, who: by, host: '', pid: '0', verb, step, since })
  let about = aboutAt('begins')
  const script = `${await leaseScript()}\n${await readFile(join(import.meta.dirname, 'keep.sh'), 'utf8')}`
  const channel = ssh.open(['sh', '-c', script, 'keep', ssh.server.folder, token, about], { asRoot: true })
  const heard = answersOf(channel.stdout)
  channel.stdin.on('error', () => {})
  const first = await heard()
  if (first === null) {
    const { code, stderr } = await channel.ended
    throw new EdgeError(
      'SERVER_STEP_FAILED',
      `${ssh.server.name}: its lock: code ${code}: ${stderr.trim().slice(-500)}`
    )
  }
  if (first !== 'ours') throw new EdgeError('DEPLOY_LOCKED', `${ssh.server.name}: ${describeTaker(first)}`)
  let isLost = false
  /** One after the other: each line is answered by one. */
  let turn: Promise<unknown> = Promise.resolve()
  const word = (text: string): Promise<unknown> => {
    turn = turn.then(async () => {
      channel.stdin.write(`${text}\n`)
      if ((await heard()) !== 'ours') isLost = true
    })
    return turn
  }
  const refuseLost = (): void => {
    if (!isLost) return
    throw new EdgeError('DEPLOY_LOCKED', `${ssh.server.name}: the lock was lost: this laptop was silent for too long`)
  }
  const timer = setInterval(() => void word(about), wordMs).unref()
  return {
    token,
    about: () => about,
    async at(step) {
      about = aboutAt(step)
      await word(about)
      refuseLost()
    },
    refuseLost,
    async free() {
      clearInterval(timer)
      await turn
      channel.stdin.end('free\n')
      await channel.ended.catch(() => {}) // of a server that stays away it lapses
    }
  }
}

/** @returns what gives its next line, or null when it has ended */
function answersOf(stdout: NodeJS.ReadableStream): () => Promise<string | null> {
  const lines: string[] = []
  let isEnded = false
  let wake = (): void => {}
  createInterface({ input: stdout })
    .on('line', line => {
      // A login's greeting is none of it.
      if (/^(?:ours|lost|taken .*)$/.test(line)) lines.push(line)
      wake()
    })
    .once('close', () => {
      isEnded = true
      wake()
    })
  return async () => {
    while (lines.length === 0 && !isEnded) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    return lines.shift() ?? null
  }
}

function describeTaker(line: string): string {
  const about = aboutIn(line.slice('taken '.length))
  if (about === null) return 'another laptop came first'
  return `${about.who} has been at "${about.verb}" since ${about.since}; now: ${about.step}`
}

function aboutIn(text: string): Holder | null {
  try {
    return (JSON.parse(text) as { readonly about?: Holder }).about ?? null
  } catch {
    return null
  }
}
