import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import type { FailureAnswer } from '../proxy/control/protocol.ts'
import { EdgeError, type FailureCode, failures } from '../proxy/errors.ts'

/** For parseArgs: where the edge is; every verb that asks one takes them. */
export const placeOptions = { socket: { type: 'string' }, config: { type: 'string' } } as const
export const placeUsage = '[--socket PATH | --config FILE]'
export interface Place {
  readonly socket?: string | undefined
  readonly config?: string | undefined
  /** How long its answer may take; 30 s unless told. */
  readonly timeoutMs?: number
}

/** The demo's, the image's and a server's, in this order. */
const usual = [
  join(import.meta.dirname, '../.twinedge/control.sock'),
  '/run/twinedge/control.sock',
  '/var/lib/twinedge/control.sock'
]
/** A reload probes upstreams and reads certificates before it answers. */
const usualTimeoutMs = 30_000
/** For what waits for an authority, or for the order that it is busy with: it takes its time to look at each domain. */
export const orderTimeoutMs = 15 * 60_000

export interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * Asks the running edge.
 * @throws EdgeError EDGE_NOT_RUNNING; or what the edge answered, under its own code
 */
export async function ask(place: Place, method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Answer> {
  const { timeoutMs = usualTimeoutMs } = place
  const { status, body: text } = await send(await findSocket(place), timeoutMs, { method, path, body })
  // 503 of /healthz is an answer, not a failure.
  if (status < 400 || path === '/healthz') return { status, body: text }
  throw failureOf(text)
}

async function findSocket({ socket, config }: Place): Promise<string> {
  if (socket !== undefined) return socket
  if (config !== undefined) {
    const { loadConfig } = await import('../proxy/config/load.ts')
    return (await loadConfig(config, process.env)).control.socket
  }
  const found = process.env.EDGE_CONTROL_SOCKET ?? usual.find(path => existsSync(path))
  if (found === undefined) throw new EdgeError('EDGE_NOT_RUNNING', `no control socket at ${usual.join(', ')}`)
  return found
}

interface Question {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly body: object | undefined
}

async function send(socket: string, timeoutMs: number, { method, path, body }: Question): Promise<Answer> {
  const dispatcher = new Agent({ connect: { socketPath: socket, timeout: 5_000 } })
  const options = {
    dispatcher,
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
    // undici has limits of its own, of five minutes: only ours is to count.
    headersTimeout: 0,
    bodyTimeout: 0,
    signal: AbortSignal.timeout(timeoutMs)
  }
  try {
    const answer = await request(`http://edge${path}`, options)
    return { status: answer.statusCode, body: await answer.body.text() }
  } catch (cause) {
    throw silence(socket, timeoutMs, cause as NodeJS.ErrnoException)
  } finally {
    await dispatcher.destroy()
  }
}

function silence(socket: string, timeoutMs: number, cause: NodeJS.ErrnoException): EdgeError {
  if (cause.code === 'EACCES' || cause.code === 'EPERM') {
    return new EdgeError('EDGE_STATE_UNWRITABLE', `${socket} belongs to another user: run this as the user of the edge`)
  }
  const why = cause.name === 'TimeoutError' ? `no answer within ${timeoutMs / 1_000} s` : (cause.code ?? cause.message)
  return new EdgeError('EDGE_NOT_RUNNING', `nobody answers at ${socket} (${why})`, cause)
}

function failureOf(body: string): EdgeError {
  try {
    const { code, detail } = JSON.parse(body) as FailureAnswer
    if (code in failures) return new EdgeError(code as FailureCode, detail)
    return new EdgeError('EDGE_INTERNAL', `the edge answered ${code}: ${detail}`)
  } catch {
    return new EdgeError('EDGE_NOT_RUNNING', `what answers there is no edge: ${body.slice(0, 200)}`)
  }
}
