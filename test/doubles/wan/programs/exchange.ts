import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { Agent, request as requestHttps } from 'node:https'
import type { Readable, Writable } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'

/** An edge, as a client finds it. */
export interface Target {
  readonly address: string
  readonly port: number
  /** For SNI and the host field. */
  readonly name: string
  readonly protocol: 'h1' | 'h2'
  /** PEM; without one, any certificate will do. */
  readonly ca?: string
  /** True: over a connection of its own, instead of one that is kept for the next. */
  readonly isFresh?: boolean
}

export interface Wish {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Text, or so many zero bytes. */
  readonly body?: string | number
}

/** What came back, up to the end of its head. Times in milliseconds. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Readable
  /** TCP and TLS; 0 over a connection that was there. */
  readonly connectMs: number
  /** When the request was written, by this process's clock. */
  readonly sentMs: number
  /** From then to the head of the answer. */
  readonly headMs: number
  cancel(): void
}

const BLOCK = Buffer.alloc(65_536)
const agents = new Map<string, Agent>()
const sessions = new Map<string, Promise<ClientHttp2Session>>()

/** @throws when no answer's head comes */
export function exchange(target: Target, wish: Wish): Promise<Answer> {
  return target.protocol === 'h2' ? exchangeHttp2(target, wish) : exchangeHttp1(target, wish)
}

async function exchangeHttp1(target: Target, wish: Wish): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const beganMs = performance.now()
  let sentMs = beganMs
  const request = requestHttps({
    ...optionsFor(target),
    agent: target.isFresh ? false : agentFor(target),
    method: wish.method ?? 'GET',
    path: wish.path,
    headers: { host: target.name, ...lengthOf(wish), ...wish.headers }
  })
  request.on('socket', socket => {
    const mark = (): void => {
      sentMs = performance.now()
    }
    if (request.reusedSocket) mark()
    else socket.once('secureConnect', mark)
  })
  request.on('error', reject).on('response', response => {
    const headMs = performance.now() - sentMs
    const times = { connectMs: request.reusedSocket ? 0 : sentMs - beganMs, sentMs, headMs }
    const { statusCode: status = 0, headers } = response
    resolve({ status, headers, body: response, ...times, cancel: () => request.destroy() })
  })
  send(request, wish.body)
  return promise
}

async function exchangeHttp2(target: Target, wish: Wish): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const beganMs = performance.now()
  const session = await sessionFor(target)
  const sentMs = performance.now()
  const head = { ':method': wish.method ?? 'GET', ':path': wish.path, ':authority': target.name }
  const stream = session.request(
    { ...head, ...lengthOf(wish), ...wish.headers },
    { endStream: wish.body === undefined }
  )
  stream.on('error', reject).on('response', ({ ':status': status = 0, ...headers }) => {
    const times = { connectMs: sentMs - beganMs, sentMs, headMs: performance.now() - sentMs }
    resolve({ status, headers, body: stream, ...times, cancel: () => stream.close(8) })
  })
  if (target.isFresh) stream.on('close', () => session.destroy())
  if (wish.body !== undefined) send(stream, wish.body)
  return promise
}

function optionsFor({ address, port, name, ca }: Target): Record<string, unknown> {
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca }
  return { host: address, port, servername: name, ...trust }
}

function agentFor(target: Target): Agent {
  const key = keyOf(target)
  const agent = agents.get(key) ?? new Agent({ keepAlive: true, scheduling: 'fifo' })
  agents.set(key, agent)
  return agent
}

async function sessionFor(target: Target): Promise<ClientHttp2Session> {
  const key = keyOf(target)
  const kept = target.isFresh ? undefined : await sessions.get(key)?.catch(() => undefined)
  if (kept !== undefined && !kept.closed && !kept.destroyed) return kept
  const opened = openSession(target)
  if (!target.isFresh) sessions.set(key, opened)
  return opened
}

function openSession(target: Target): Promise<ClientHttp2Session> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientHttp2Session>()
  const createConnection = (): TLSSocket => connectTls({ ...optionsFor(target), ALPNProtocols: ['h2'] })
  const session = connectHttp2(`https://${target.name}:${target.port}`, { createConnection })
  session.on('error', reject).on('connect', () => resolve(session))
  return promise
}

function keyOf({ address, port, name }: Target): string {
  return `${address} ${port} ${name}`
}

function lengthOf({ body }: Wish): Record<string, string> {
  if (body === undefined) return {}
  return { 'content-length': `${typeof body === 'number' ? body : Buffer.byteLength(body)}` }
}

function send(request: Writable, body: string | number | undefined): void {
  if (typeof body !== 'number') return void request.end(body)
  let left = body
  const more = (): void => {
    while (left > 0 && !request.destroyed) {
      const block = BLOCK.subarray(0, left)
      left -= block.length
      if (!request.write(block)) return void request.once('drain', more)
    }
    request.end()
  }
  more()
}
