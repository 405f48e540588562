import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import type {
  AssetsAnswer,
  AssetsStatus,
  DrainRequest,
  FailureAnswer,
  HoldRequest,
  HoldStatus,
  ProbeAnswer,
  PromoteAnswer,
  PromoteRequest,
  StatusAnswer
} from '../proxy/control/protocol.ts'
import { EdgeError, type FailureCode, failures } from '../proxy/errors.ts'

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly body?: object | undefined
  /** In place of it. */
  readonly tar?: Readable | undefined
  /** How long the answer may take; 30 s unless told: a reload probes upstreams before it answers. */
  readonly timeoutMs?: number | undefined
}

export interface Answer {
  readonly status: number
  readonly body: string
}

/** What a swap asks of the edge. Every call throws EdgeError EDGE_NOT_RUNNING when nobody answers. */
export interface Edge {
  status(): Promise<StatusAnswer>
  /** One try, of a slot that need not serve. */
  probe(upstream: string, slot: string): Promise<ProbeAnswer>
  /** @throws EdgeError EDGE_SLOT_UNHEALTHY: nothing has changed then */
  promote(request: PromoteRequest): Promise<PromoteAnswer>
  drain(request: DrainRequest): Promise<void>
  hold(request: HoldRequest): Promise<HoldStatus>
  /** Counts of this upstream begin anew. */
  tally(upstream: string): Promise<void>
  assets(): Promise<AssetsStatus>
  /**
   * Sends a build as it comes, whatever its size.
   * @param open gives its tar, anew for each try; null: there is none
   * @throws EdgeError EDGE_ASSETS_REFUSED, EDGE_ASSETS_OFF, EDGE_DISK_FULL, EDGE_STATE_UNWRITABLE; or what `open` throws
   */
  keepBuild(open: () => Promise<Readable | null>): Promise<AssetsAnswer | null>
}

const usualTimeoutMs = 30_000
/** As long as the edge itself gives a build to come. */
const buildTimeoutMs = 600_000
const jsonHeaders = { 'content-type': 'application/json' }
const tarHeaders = { 'content-type': 'application/x-tar' }

export function edgeAt(socket: string): Edge {
  const post = async <T>(path: string, body: object, timeoutMs?: number): Promise<T> => {
    const answer = await askSocket(socket, { method: 'POST', path, body, timeoutMs })
    return (answer.body === '' ? null : JSON.parse(answer.body)) as T
  }
  const get = async <T>(path: string): Promise<T> => JSON.parse((await askSocket(socket, { method: 'GET', path })).body)
  return {
    status: () => get('/status'),
    probe: (upstream, slot) => post('/slots/probe', { upstream, slot }),
    promote: asked => post('/slots/promote', asked, asked.withinMs + usualTimeoutMs),
    drain: asked => post('/slots/drain', asked),
    hold: asked => post('/slots/hold', asked),
    tally: upstream => post('/slots/tally', { upstream }),
    assets: () => get('/assets'),
    keepBuild: async open => {
      const tar = await open()
      if (tar === null) return null
      const question = { method: 'POST', path: '/assets', timeoutMs: buildTimeoutMs, tar } as const
      return JSON.parse((await askSocket(socket, question)).body)
    }
  }
}

/**
 * Asks the edge that listens there.
 * @throws EdgeError EDGE_NOT_RUNNING; or what the edge answered, under its own code
 */
export async function askSocket(socket: string, question: Question): Promise<Answer> {
  const { status, body } = await send(socket, question)
  // 503 of /healthz is an answer, not a failure.
  if (status < 400 || question.path === '/healthz') return { status, body }
  throw failureOf(body)
}

async function send(socket: string, question: Question): Promise<Answer> {
  const { method, path, body, tar, timeoutMs = usualTimeoutMs } = question
  const dispatcher = new Agent({ connect: { socketPath: socket, timeout: 5_000 } })
  const options = {
    dispatcher,
    method,
    headers: tar !== undefined ? tarHeaders : body === undefined ? {} : jsonHeaders,
    body: tar ?? (body === undefined ? null : JSON.stringify(body)),
    // undici has limits of its own, of five minutes: only ours is to count.
    headersTimeout: 0,
    bodyTimeout: 0,
    signal: AbortSignal.timeout(timeoutMs)
  }
  try {
    const answer = await request(`http://edge${path}`, options)
    return { status: answer.statusCode, body: await answer.body.text() }
  } catch (cause) {
    // What the build's own source says goes on as it is.
    throw cause instanceof EdgeError ? cause : silence(socket, timeoutMs, cause as NodeJS.ErrnoException)
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
