// A client of the two servers, in a process of its own, so that it can be on another network than the test. To ask one:
//   const visitor = ground.clients.visitor()
//   const { status, text, headMs } = await visitor.ask('request', { target, path: '/api/v1/health' })
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { WebSocket } from 'ws'
import { answer } from '../../../bench/load/worker.ts'
import { type Answer, exchange, type Target, type Wish } from './exchange.ts'

export interface Reply extends Omit<Answer, 'body' | 'cancel' | 'sentMs'> {
  readonly bytes: number
  /** The body, up to its first 64 KB. */
  readonly text: string
  /** From when the request was written to the body's end. */
  readonly doneMs: number
}

export interface Events {
  readonly status: number
  /** When the request was written, in milliseconds on the clock that all processes of this machine share. */
  readonly sentAtMs: number
  readonly headMs: number
  /** Since the request was written. */
  readonly events: { readonly atMs: number; readonly text: string }[]
  readonly hasEnded: boolean
  /** Why it broke off; '' when it did not. */
  readonly failure: string
}

interface Stream {
  readonly events: { atMs: number; text: string }[]
  readonly answer: Answer
  hasEnded: boolean
  failure: string
  onChange: () => void
}

const SHOWN_BYTES = 65_536
const streams = new Map<number, Stream>()
const sockets = new Map<number, { socket: WebSocket; received: { atMs: number; text: string }[] }>()
const clockAheadMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()
let last = 0

const verbs = {
  /** @returns milliseconds until TCP was connected, or the code of what came instead */
  async connect({ address, port, withinMs = 10_000 }: { address: string; port: number; withinMs?: number }) {
    const { promise, resolve } = Promise.withResolvers<number | string>()
    const beganMs = performance.now()
    const socket = connect({ host: address, port })
    socket.on('connect', () => resolve(performance.now() - beganMs))
    socket.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message))
    socket.setTimeout(withinMs, () => resolve('TIMEOUT'))
    return promise.finally(() => socket.destroy())
  },
  async request({ target, ...wish }: Wish & { target: Target }): Promise<Reply> {
    const { body, cancel: _, sentMs, ...head } = await exchange(target, wish)
    const { text, bytes } = await read(body)
    return { ...head, text, bytes, doneMs: performance.now() - sentMs }
  },
  /** @returns what to read it by, as soon as the answer's head is there */
  async openStream({ target, ...wish }: Wish & { target: Target }): Promise<number> {
    const headers = { accept: 'text/event-stream', ...wish.headers }
    const answered = await exchange(target, { ...wish, headers })
    const stream: Stream = { events: [], answer: answered, hasEnded: false, failure: '', onChange: () => {} }
    streams.set(++last, stream)
    follow(stream)
    return last
  },
  /** What has come so far; with `count`, as soon as that many events have, or the stream is over, or time is. */
  async readStream({ id, count = 0, withinMs = 30_000 }: { id: number; count?: number; withinMs?: number }) {
    const stream = streams.get(id)
    if (stream === undefined) throw new Error(`no stream ${id}`)
    const isDue = (): boolean => stream.events.length >= count || stream.hasEnded
    const { promise, resolve } = Promise.withResolvers<void>()
    stream.onChange = () => isDue() && resolve()
    stream.onChange()
    const late = setTimeout(resolve, withinMs)
    await promise
    clearTimeout(late)
    const { events, hasEnded, failure } = stream
    const { status, headMs, sentMs } = stream.answer
    return { status, sentAtMs: sentMs + clockAheadMs, headMs, events, hasEnded, failure } satisfies Events
  },
  closeStream(id: number) {
    streams.get(id)?.answer.cancel()
    streams.delete(id)
  },
  /** @returns what to use it by, or the status with which it was refused, as a negative number */
  async openSocket({ target, path }: { target: Target; path: string }): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const options = { rejectUnauthorized: target.ca !== undefined, ...(target.ca && { ca: target.ca }) }
    const lookup: never = ((_: string, { all }: { all?: boolean }, done: (...found: unknown[]) => void) =>
      all ? done(null, [{ address: target.address, family: 4 }]) : done(null, target.address, 4)) as never
    const socket = new WebSocket(`wss://${target.name}:${target.port}${path}`, { ...options, lookup })
    const received: { atMs: number; text: string }[] = []
    socket.on('message', data => received.push({ atMs: performance.now(), text: String(data) }))
    socket.on('unexpected-response', (_, { statusCode = 0 }) => resolve(-statusCode)).on('error', reject)
    socket.on('open', () => {
      sockets.set(++last, { socket, received })
      resolve(last)
    })
    return promise
  },
  /** @returns the next message, and how long it took to come */
  async sendSocket({ id, text, withinMs = 30_000 }: { id: number; text: string; withinMs?: number }) {
    const { socket, received } = sockets.get(id) ?? {}
    if (socket === undefined || received === undefined) throw new Error(`no WebSocket ${id}`)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const [sentMs, index] = [performance.now(), received.length]
    const late = setTimeout(() => reject(new Error(`no message within ${withinMs} ms`)), withinMs)
    socket.once('message', () => resolve()).once('close', () => reject(new Error('the WebSocket has closed')))
    socket.send(text)
    await promise.finally(() => clearTimeout(late))
    return { text: received[index]?.text ?? '', ms: (received[index]?.atMs ?? 0) - sentMs }
  },
  closeSocket(id: number) {
    sockets.get(id)?.socket.terminate()
    sockets.delete(id)
  }
}
export type VisitorVerbs = typeof verbs
answer(verbs)

async function read(body: Readable): Promise<{ text: string; bytes: number }> {
  const shown: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (bytes < SHOWN_BYTES) shown.push(chunk.subarray(0, SHOWN_BYTES - bytes))
    bytes += chunk.length
  }
  return { text: Buffer.concat(shown).toString(), bytes }
}

function follow(stream: Stream): void {
  let rest = ''
  const end = (failure = ''): void => {
    stream.failure ||= stream.hasEnded ? '' : failure
    stream.hasEnded = true
    stream.onChange()
  }
  stream.answer.body.on('data', (chunk: Buffer) => {
    const atMs = performance.now() - stream.answer.sentMs
    const whole = `${rest}${chunk.toString('latin1')}`.split(/\r?\n\r?\n/)
    rest = whole.pop() ?? ''
    for (const text of whole) stream.events.push({ atMs, text: Buffer.from(text, 'latin1').toString() })
    stream.onChange()
  })
  stream.answer.body.on('end', () => end()).on('error', error => end(error.message))
  stream.answer.body.on('close', () => end('it was cut off'))
}
