import { type ChildProcess, spawn } from 'node:child_process'
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { freePorts } from '../ports.ts'

const readyMs = 10_000
const tries = 4

/** Whose end ends the program: a tap test. */
export interface Owner {
  teardown(undo: () => unknown): void
}

export interface Program {
  said(): string
  stop(): Promise<void>
}

export interface Start<T> {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Resolves when it answers; rejects when it does not yet. */
  isReady(): Promise<unknown>
  readonly result: T
}

/**
 * Starts a program that cannot be told to take any free port and say which: free ones are looked for, and when
 * another process was faster to take one, others are.
 */
export async function startProgram<T>(
  t: Owner,
  ports: number,
  prepare: (ports: number[]) => Promise<Start<T>>
): Promise<T & { running: Program }> {
  for (let left = tries; ; left--) {
    const start = await prepare(await freePorts(ports))
    const child = spawn(start.program, start.args, { env: start.env, stdio: ['ignore', 'pipe', 'pipe'] })
    const running = watch(child)
    t.teardown(running.stop)
    if (await answers(child, start.isReady)) return { ...start.result, running }
    const isGone = child.exitCode !== null
    await running.stop()
    if (left === 1 || !isGone) throw new Error(`${start.program} does not start: ${running.said().slice(-2_000)}`)
  }
}

/** @returns false when it ended first, or says nothing in time */
async function answers(child: ChildProcess, isReady: () => Promise<unknown>): Promise<boolean> {
  const late = performance.now() + readyMs
  while (performance.now() < late && child.exitCode === null && child.signalCode === null) {
    if (
      await isReady().then(
        () => true,
        () => false
      )
    )
      return true
    await pause(20)
  }
  return false
}

function watch(child: ChildProcess): Program {
  let text = ''
  const keep = (chunk: Buffer): void => {
    text += chunk
  }
  child.stdout!.on('data', keep)
  child.stderr!.on('data', keep)
  const exit = new Promise<void>(resolve => {
    child.on('exit', () => resolve())
    child.on('error', cause => {
      text += cause.message
      resolve()
    })
  })
  const kill = (): void => void child.kill('SIGKILL')
  // A test that runs into its time limit has no teardown.
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    process.off('exit', kill)
    if (child.exitCode === null && child.signalCode === null) kill()
    await exit
  }
  return { said: () => text, stop }
}

/** GET, or POST with a body. @throws on any answer but 200 */
export function ask(url: string, { ca, body }: { ca?: string; body?: string } = {}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // Authorities refuse who does not say what it is.
  const headers = { 'user-agent': 'twinedge-test' }
  const options = { method: body === undefined ? 'GET' : 'POST', agent: false as const, timeout: 2_000, ca, headers }
  const asked = (url.startsWith('https:') ? requestTls : requestPlain)(url, options, answer => {
    let text = ''
    answer.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    answer.on('error', reject)
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve(text)
      else reject(new Error(`${url}: ${answer.statusCode} ${text}`))
    })
  })
  asked.on('timeout', () => asked.destroy(new Error(`${url}: no answer`)))
  asked.on('error', reject).end(body)
  return promise
}
