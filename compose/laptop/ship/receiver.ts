import { createInterface } from 'node:readline'
import { EdgeError } from '../../../proxy/errors.ts'
import { type Heard, hereMs, type Sent, silenceMs } from '../../server/ship/protocol.ts'
import { failureAt } from '../plan/commands.ts'
import { heardIn, toolOf, whyEnded } from '../ssh/agent.ts'
import type { Ssh } from '../ssh/ssh.ts'

/** `twinedge server receive` at work, on a channel of its own. */
export interface Receiver {
  say(sent: Sent): void
  /** Bytes that a `piece` has announced. */
  write(bytes: Buffer): void
  /** What it says next. @throws EdgeError as the server did; SSH_* when the line is lost */
  next(): Promise<Heard>
  /** What it has said, and nobody has asked for. */
  heard(): Heard | undefined
  close(): void
}

/** @param patience of how long it may be silent when we wait for it, and how often it is told that we are here */
export function openReceiver(ssh: Ssh, patience = { silenceMs, hereMs }): Receiver {
  const command = [toolOf(ssh), 'server', '--folder', ssh.server.folder, 'receive']
  const { stdin, stdout, ended, stop } = ssh.open(command, { asRoot: true })
  const said: Heard[] = []
  let waiting: PromiseWithResolvers<Heard> | null = null
  let silence: NodeJS.Timeout | null = null
  /** Of a piece that it has been told of, what it has not been given. */
  let owed = 0
  const lines = createInterface({ input: stdout })
  lines.on('line', line => {
    const heard = heardIn<Heard>(line)
    if (heard === null) return
    silence?.refresh()
    if ('here' in heard) return
    if (waiting === null) said.push(heard)
    else waiting.resolve(heard)
    waiting = null
  })
  // Its last word may be why it ended, and is heard before its end.
  const gone = ended.then(({ code, stderr }) => whyEnded(ssh, code, stderr))
  gone.catch(() => {})
  const next = async (): Promise<Heard> => {
    const ready = said.shift()
    if (ready !== undefined) return ready
    waiting = Promise.withResolvers<Heard>()
    const { promise, reject } = waiting
    silence = setTimeout(() => reject(silentFor(ssh, patience.silenceMs)), patience.silenceMs)
    try {
      return await Promise.race([promise, gone.then(raise)])
    } finally {
      clearTimeout(silence)
      silence = null
    }
  }
  const say = (sent: Sent): void => {
    if ('piece' in sent) owed = sent.bytes
    stdin.write(`${JSON.stringify(sent)}\n`)
  }
  const here = setInterval(() => owed === 0 && say({ here: true }), patience.hereMs).unref()
  return {
    say,
    write(bytes) {
      owed -= bytes.length
      stdin.write(bytes)
    },
    next: async () => refuse(await next(), ssh),
    heard() {
      const one = said.shift()
      return one && refuse(one, ssh)
    },
    close() {
      clearInterval(here)
      stop()
    }
  }
}

function refuse(heard: Heard, { server }: Ssh): Heard {
  if (!('failure' in heard)) return heard
  throw failureAt(server, heard.failure)
}

/** As good as lost: over another line it may go on. */
function silentFor({ server }: Ssh, ms: number): EdgeError {
  return new EdgeError(
    'SSH_UNREACHABLE',
    `${server.name}: its receiver has said nothing for ${Math.round(ms / 1_000)} s`
  )
}

function raise(error: EdgeError): never {
  throw error
}
