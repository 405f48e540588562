// Reads thousands of event streams, as lean as Node can: HTTP/1.1 on one TLS socket each, HTTP/2 with 50 on a connection,
// or `plain`: straight from the upstream without TLS, which is the floor of every delay measured.
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectPlain, type Socket } from 'node:net'
import { createHistogram, performance } from 'node:perf_hooks'
import { connect as connectTls } from 'node:tls'
import { answer } from './worker.ts'

export type StreamProtocol = 'h1' | 'h2' | 'plain'
export interface StreamTarget {
  readonly port: number
  readonly domain: string
  readonly protocol: StreamProtocol
  readonly count: number
}
export interface StreamReading {
  readonly events: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Streams that ended, though nobody asked them to. */
  readonly cut: number
  /** The share of the time since the last reading that this process was busy: over 0.7, distrust the delays. */
  readonly busy: number
}

const perConnection = 50
const openedAtOnce = 32
const path = '/api/v1/chat/stream'
const mark = '"t":'
const stampEnd = mark.length + 16

const connections: { streams: number; close: () => void }[] = []
const delays = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 }) // microseconds
let events = 0
let cut = 0
let usedUntil = performance.eventLoopUtilization()

const verbs = {
  /** @returns when the head of every stream's answer has come */
  async open(target: StreamTarget) {
    const size = target.protocol === 'h2' ? perConnection : 1
    let left = Math.ceil(target.count / size)
    const opener = async (): Promise<void> => {
      while (left-- > 0) await (target.protocol === 'h2' ? openHttp2(target) : openHttp1(target))
    }
    await Promise.all(Array.from({ length: openedAtOnce }, opener))
  },
  close(count: number) {
    for (let left = count; left > 0 && connections.length > 0; ) {
      const connection = connections.pop()
      connection?.close()
      left -= connection?.streams ?? 0
    }
  },
  /** What came since the last reading; starts the next. */
  read(): StreamReading {
    const used = performance.eventLoopUtilization()
    const { utilization: busy } = performance.eventLoopUtilization(used, usedUntil)
    const [p50Ms, p99Ms] = [delays.percentile(50) / 1000, delays.percentile(99) / 1000]
    const reading = { events, p50Ms, p99Ms, maxMs: delays.max / 1000, cut, busy }
    usedUntil = used
    delays.reset()
    events = cut = 0
    return reading
  }
}
export type StreamVerbs = typeof verbs
answer(verbs)

async function openHttp1({ port, domain, protocol }: StreamTarget): Promise<void> {
  const host = '127.0.0.1'
  const socket: Socket =
    protocol === 'plain'
      ? connectPlain({ port, host })
      : connectTls({ port, host, servername: domain, ALPNProtocols: ['http/1.1'], rejectUnauthorized: false })
  const isOpen = Promise.withResolvers<void>()
  const take = reader()
  const end = ending(isOpen.reject)
  socket.once('data', (head: Buffer) => {
    if (head.toString('latin1', 9, 12) === '200') isOpen.resolve()
    else isOpen.reject(new Error(head.toString('latin1', 0, 40)))
  })
  socket.on('data', take).on('error', end.happened).on('close', end.happened)
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${domain}:${port}\r\naccept: text/event-stream\r\n\r\n`)
  await isOpen.promise
  connections.push({ streams: 1, close: () => end.asked(() => socket.destroy()) })
}

async function openHttp2({ port, domain }: StreamTarget): Promise<void> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { servername: domain, rejectUnauthorized: false })
  const failed = Promise.withResolvers<never>()
  const end = ending(failed.reject)
  session.on('error', end.happened).on('close', end.happened)
  const heads = Array.from({ length: perConnection }, async () => {
    const stream = session.request({ ':path': path, ':authority': `${domain}:${port}`, accept: 'text/event-stream' })
    stream.on('data', reader()).on('error', end.happened)
    const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }]
    if (headers[':status'] !== 200) throw new Error(`status ${headers[':status']}`)
    stream.on('close', end.happened)
  })
  await Promise.race([Promise.all(heads), failed.promise])
  connections.push({ streams: perConnection, close: () => end.asked(() => session.destroy()) })
}

/** Tells an end that we asked for from one that befell us. */
function ending(fail: (reason: Error) => void): { happened: () => void; asked: (close: () => void) => void } {
  let isAsked = false
  return {
    happened: () => {
      if (!isAsked) cut++
      fail(new Error('a stream ended before its first event'))
    },
    asked: close => {
      isAsked = true
      close()
    }
  }
}

/** Finds the events in what comes, wherever it was split, and notes how old each is. */
function reader(): (chunk: Buffer) => void {
  let rest = ''
  return chunk => {
    const now = Number(process.hrtime.bigint() / 1000n)
    const text = rest + chunk.toString('latin1')
    let from = 0
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, from)) {
      if (text.length < at + stampEnd) break
      from = at + stampEnd
      delays.record(Math.max(1, now - Number(text.slice(at + mark.length, from))))
      events++
    }
    rest = text.slice(Math.max(from, text.length - stampEnd + 1)) // at most the start of one mark and stamp
  }
}
