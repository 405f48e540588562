import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { delimiter, resolve } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { Contestant } from '../contestants.ts'
import { family } from '../usage.ts'

export interface Running {
  readonly name: string
  readonly port: number
  readonly pid: number
  /** Its configuration, and what it says and keeps. */
  readonly folder: string
  stop(): Promise<void>
}

/** What all contestants share. */
export interface Track {
  /** Absolute; removed at the end. */
  readonly folder: string
  readonly domain: string
  /** Where contestants listen. */
  readonly host: string
  /** host:port */
  readonly upstream: string
  readonly cert: string
  readonly key: string
  /** Both in one file. */
  readonly pair: string
  /** Not on this machine's network: how to get there, and how to ask there. */
  readonly elsewhere?: { readonly command: readonly string[]; isListening(port: number): Promise<boolean> }
  /** host:port of the link of the other edge */
  readonly peer?: string
}

/** @returns the file to run, or null when this machine lacks it */
export function find({ binary }: Pick<Contestant, 'binary'>): string | null {
  const project = resolve(import.meta.dirname, '../../..')
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']
  const places = binary.includes('/') ? [resolve(project, binary)] : folders.map(folder => resolve(folder, binary))
  return places.find(isExecutable) ?? null
}

/**
 * @param onSpawn called at once, so that an interrupted bench can stop what does not listen yet
 * @throws when it does not listen within 15 s; what it said is in the message
 */
export async function start(
  contestant: Contestant,
  track: Track,
  onSpawn: (running: Running) => void
): Promise<Running> {
  const binary = find(contestant)
  if (binary === null) throw new Error(`${contestant.name} is not installed: ${contestant.get}`)
  const port = await freePort()
  const folder = resolve(track.folder, `${contestant.name.replace(/\W+/g, '-')}-${port}`)
  mkdirSync(folder, { mode: 0o755 })
  const words = { ...track, folder, port, port2: await freePort(), config: resolve(folder, 'config') }
  const fill = (text: string): string =>
    text.replace(/\{\{(\w+)\}\}/g, (_, word: keyof typeof words) => `${words[word]}`)
  if (contestant.config !== undefined) {
    writeFileSync(words.config, fill(readFileSync(resolve(import.meta.dirname, contestant.config), 'utf8')))
  }
  const output = openSync(resolve(folder, 'output'), 'a') // a file: a pipe would cost whoever writes a line per request
  const env = Object.fromEntries(Object.entries(contestant.env ?? {}).map(([name, value]) => [name, fill(value)]))
  const [program = '', ...args] = [...(track.elsewhere?.command ?? []), binary, ...contestant.args.map(fill)]
  const child = spawn(program, args, {
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output]
  })
  const running = { name: contestant.name, port, folder, pid: child.pid ?? 0, stop: () => stop(child) }
  onSpawn(running)
  const isUp = (): Promise<boolean> => (track.elsewhere?.isListening ?? isListening)(port)
  await untilItListens(child, isUp, () => readFileSync(resolve(folder, 'output'), 'utf8').slice(-2000))
  return running
}

async function untilItListens(child: ChildProcess, isUp: () => Promise<boolean>, said: () => string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${said()}`)
    if (await isUp()) return
    await after(50)
  }
  await stop(child)
  throw new Error(`it did not listen within 15 s:\n${said()}`)
}

async function isListening(port: number): Promise<boolean> {
  const { promise, resolve: settle } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1', () => settle(true)).on('error', () => settle(false))
  const answer = await promise
  socket.destroy()
  return answer
}

/** SIGTERM, and SIGKILL to one that is still there after two seconds (a stream open, most likely). */
async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  for (let tries = 0; tries < 100 && child.exitCode === null && child.signalCode === null; tries++) {
    if (tries === 40) for (const pid of family(child.pid ?? 0)) process.kill(pid, 'SIGKILL') // its workers, too
    await after(50)
  }
}

async function freePort(): Promise<number> {
  const { promise, resolve: settle } = Promise.withResolvers<number>()
  const server = createServer().listen(0, '127.0.0.1', () => settle((server.address() as { port: number }).port))
  const port = await promise
  server.close()
  return port
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
