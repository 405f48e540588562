import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { EdgeError } from '../../../proxy/errors.ts'
import type { ServerPlan } from '../plan/site.ts'
import { heeding } from './heeding.ts'
import { optionsOf } from './options.ts'
import { lineOf } from './quote.ts'
import { refusalOf, silenceOf } from './refusal.ts'

/** A program on a server, to its end. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A program on a server, as it goes. */
export interface Channel {
  readonly stdin: Writable
  readonly stdout: Readable
  /** Its exit code, and what it said on stderr. @throws EdgeError SSH_* when the line was lost */
  readonly ended: Promise<{ readonly code: number; readonly stderr: string }>
  /** Ends ssh's side; what the server makes of it is the program's own affair. */
  stop(): void
}

export interface Running {
  /** Passed on stdin: the way for whatever is long or secret. */
  readonly input?: string | Buffer
  /** As root, by sudo if the login is somebody else. */
  readonly asRoot?: boolean
}

export interface Attached {
  readonly asRoot: boolean
  readonly hasTerminal: boolean
}

/** One connection to a server, kept open; everything goes over it. */
export interface Ssh {
  readonly server: ServerPlan
  /** Whether the login is root's. */
  readonly isRoot: boolean
  /** Resolves when the connection is lost, with the reason. */
  readonly lost: Promise<EdgeError>
  /** @throws EdgeError SSH_* when the line is lost; a program that fails is an Outcome */
  run(command: readonly string[], running?: Running): Promise<Outcome>
  open(command: readonly string[], running?: Pick<Running, 'asRoot'>): Channel
  /**
   * With this process's own stdin, stdout and stderr; in a terminal of its own there, if this one is one.
   * @returns its exit code @throws EdgeError SSH_* when the line was lost
   */
  attach(command: readonly string[], attached: Attached): Promise<number>
  close(): Promise<void>
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** ssh's own exit code for a line that it could not have, or lost. */
const sshFailed = 255

export interface Connecting {
  /** In which a shell there has to answer, ms. */
  readonly withinMs?: number
  /** Of somebody who wants it no longer. */
  readonly signal?: AbortSignal | undefined
}

/** A login that says nothing, as one that waits for a disk that is away. */
const shellMs = 60_000
/** What still runs over a connection holds its end up no longer. */
const closeMs = 5_000

/**
 * Connects by the system's ssh: its config, its agent, its known hosts.
 * @throws EdgeError SSH_MISSING, SSH_UNREACHABLE, SSH_HOST_KEY_CHANGED, SSH_HOST_KEY_UNKNOWN, SSH_KEY_REFUSED,
 * SSH_SHELL_REFUSED; the signal's reason
 */
export async function connectSsh(server: ServerPlan, { withinMs = shellMs, signal }: Connecting = {}): Promise<Ssh> {
  const folder = await mkdtemp(join(tmpdir(), 'te-ssh-'))
  const socket = join(folder, 's')
  const place = optionsOf(server)
  // It ends when its stdin does: with this process, however that ends.
  const shell = lineOf(['sh', '-c', 'echo "ready $(id -u)"; exec cat >/dev/null'])
  const connection = start([...place, '-M', '-S', socket, '-o', 'ControlPersist=no', '--', server.ssh, shell])
  const [heard, said] = [gather(connection.stderr), gather(connection.stdout)]
  const { promise: lost, resolve: lose } = Promise.withResolvers<EdgeError>()
  let isReady = false
  connection.once('error', cause => lose(missing(cause)))
  connection.once('close', code => {
    const isLine = isReady || code === sshFailed
    lose(refusalOf(server, isLine ? heard() : `${said()}\n${heard()}`, isLine ? null : code))
    void rm(folder, { recursive: true, force: true })
  })
  const giveUp = (after: number): void => {
    lose(silenceOf(server, after))
    connection.kill()
  }
  const late = setTimeout(giveUp, withinMs, withinMs)
  const first = await heeding(Promise.race([ready(connection.stdout), lost.then(raise)]), signal)
    .catch(cause => {
      giveUp(0)
      throw cause
    })
    .finally(() => clearTimeout(late))
  isReady = true
  const isRoot = first === '0'
  // A new session over the socket: should that have gone, ssh must not make a connection of its own.
  const session = [...place, '-S', socket, '-o', 'ControlMaster=no', '-o', 'ProxyCommand=false', '--', server.ssh]
  const line = (command: readonly string[], asRoot: boolean): string =>
    lineOf(asRoot && !isRoot ? ['sudo', '-n', '--', ...command] : command)
  const isAway = (): boolean => connection.exitCode !== null || connection.signalCode !== null
  const open: Ssh['open'] = (command, { asRoot = false } = {}) =>
    channel(start([...session, line(command, asRoot)]), async said => (isAway() ? await lost : refusalOf(server, said)))
  const attach: Ssh['attach'] = async (command, { asRoot, hasTerminal }) => {
    const terminal = hasTerminal ? ['-o', 'RequestTTY=force', '-o', 'LogLevel=ERROR'] : []
    const child = spawn('ssh', [...terminal, ...session, line(command, asRoot)], { stdio: 'inherit' })
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', cause => reject(missing(cause))).once('close', resolve)
    })
    if (code === sshFailed && isAway()) throw await lost
    return code ?? sshFailed
  }
  return {
    server,
    isRoot,
    lost,
    open,
    attach,
    run: (command, running = {}) => toEnd(open(command, running), running.input ?? ''),
    async close() {
      connection.stdin.end()
      const late = setTimeout(() => connection.kill(), closeMs)
      await lost
      clearTimeout(late)
    }
  }
}

function start(args: readonly string[]): Child {
  // In a session of its own: the terminal's Ctrl-C is for us, who then clear up over this very line.
  const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  child.stdin.on('error', () => {}) // its end tells more
  return child
}

function channel(child: Child, lossOf: (said: string) => Promise<EdgeError>): Channel {
  const heard = gather(child.stderr)
  const { promise: ended, resolve, reject } = Promise.withResolvers<{ code: number; stderr: string }>()
  ended.catch(() => {}) // whoever waits for it hears of it
  child.once('error', cause => reject(missing(cause)))
  child.once('close', code => {
    if (code === null || code === sshFailed) lossOf(heard()).then(reject)
    else resolve({ code, stderr: heard() })
  })
  return { stdin: child.stdin, stdout: child.stdout, ended, stop: () => child.kill() }
}

async function toEnd({ stdin, stdout, ended }: Channel, input: string | Buffer): Promise<Outcome> {
  const heard = gather(stdout, Number.POSITIVE_INFINITY)
  stdin.end(input)
  const { code, stderr } = await ended
  return { code, stdout: heard(), stderr }
}

/** @returns the words after `ready`, however much a login's banner says before */
function ready(stdout: Readable): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text = `${text}${chunk}`.slice(-10_000)
      const found = /^ready (\d+)$/m.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
}

function gather(stream: Readable, most = 20_000): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text = most === Number.POSITIVE_INFINITY ? text + chunk : `${text}${chunk}`.slice(-most)
  })
  return () => text
}

function missing(cause: Error): EdgeError {
  return new EdgeError('SSH_MISSING', cause.message, cause)
}

function raise(error: EdgeError): never {
  throw error
}
