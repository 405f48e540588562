// The upstream that all contestants share: HTTP/1.1 on bare sockets, so that it costs little beside what is measured.
//   GET  /api/v1/chat/stream   an endless event stream, in chunks, as uvicorn frames it
//   POST /api/v1/upload        takes the body and says how long it was; /api/v1/upload/slow takes 20 MB/s
//   anything else              450 bytes of JSON
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { answer } from './worker.ts'

const eventBytes = 180
const slowBytesPerMs = 20_000
const json = JSON.stringify({ ok: true, items: 'x'.repeat(428) })
const jsonAnswer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`
// With a first line: nginx 1.22 keeps the head of a silent HTTP/2 answer in its TLS buffer until the body starts.
const streamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n' +
  'x-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n8\r\n: open\n\n\r\n'

const streams: Socket[] = []
let eventsPerSecond = 0
let sent = 0
let beganMs = 0
let next = 0
let server: Server | undefined
let usedUntil = performance.eventLoopUtilization()

const verbs = {
  /** @returns the port */
  async listen({ host = '127.0.0.1', port = 0 }: { host?: string; port?: number } = {}) {
    server = createServer({ noDelay: true }, socket => new Connection(socket)).listen(port, host, 4096)
    await once(server, 'listening')
    return (server.address() as { port: number }).port
  },
  /** Events per second over all streams, in turn; 0 stops them. */
  rate(perSecond: number) {
    eventsPerSecond = perSecond
    sent = 0
    beganMs = performance.now()
    if (perSecond > 0) tick()
  },
  streams: () => streams.length,
  /** The share of the time since the last call that its event loop was busy, 0 to 1. */
  busy() {
    const used = performance.eventLoopUtilization()
    const share = performance.eventLoopUtilization(used, usedUntil).utilization
    usedUntil = used
    return share
  }
}
export type UpstreamVerbs = typeof verbs
answer(verbs)

function tick(): void {
  if (eventsPerSecond === 0) return
  const due = Math.floor(((performance.now() - beganMs) / 1000) * eventsPerSecond)
  for (; sent < due && streams.length > 0; sent++) {
    next = (next + 1) % streams.length
    streams[next]?.write(event())
  }
  setTimeout(tick, 1)
}

/** One chunk with one event. `t` is the machine's monotonic clock in microseconds: the reader subtracts. */
function event(): string {
  const t = String(process.hrtime.bigint() / 1000n).padStart(16, '0')
  const start = `event: delta\ndata: {"t":${t},"seq":${sent},"text":"`
  return `${eventBytes.toString(16)}\r\n${start.padEnd(eventBytes - 4, 'token ')}"}\n\n\r\n`
}

class Connection {
  readonly #socket: Socket
  #head = ''
  /** Bytes of the body still to come; -1: a chunked one. */
  #left = 0
  #taken = 0
  #tail = ''
  #isSlow = false
  #beganMs = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      const index = streams.indexOf(socket)
      if (index >= 0) streams.splice(index, 1)
    })
  }

  #read(chunk: Buffer): void {
    if (this.#left !== 0) {
      this.#readBody(chunk)
      return
    }
    this.#head += chunk.toString('latin1')
    for (let end = this.#head.indexOf('\r\n\r\n'); end >= 0; end = this.#head.indexOf('\r\n\r\n')) {
      const head = this.#head.slice(0, end)
      const rest = this.#head.slice(end + 4)
      this.#head = ''
      if (head.startsWith('POST')) {
        this.#startBody(head, Buffer.from(rest, 'latin1'))
        return
      }
      this.#answerGet(head)
      this.#head = rest
    }
  }

  #answerGet(head: string): void {
    if (!head.startsWith('GET /api/v1/chat/stream')) {
      this.#socket.write(jsonAnswer)
      return
    }
    this.#socket.write(streamHead)
    streams.push(this.#socket)
  }

  #startBody(head: string, start: Buffer): void {
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    this.#left = length === undefined ? -1 : Number(length)
    this.#taken = 0
    this.#tail = ''
    this.#isSlow = head.startsWith('POST /api/v1/upload/slow')
    this.#beganMs = performance.now()
    this.#readBody(start)
  }

  #readBody(chunk: Buffer): void {
    this.#taken += chunk.length
    if (this.#left > 0) this.#left = Math.max(0, this.#left - chunk.length)
    else this.#tail = (this.#tail + chunk.toString('latin1', Math.max(0, chunk.length - 5))).slice(-5)
    if (this.#tail === '0\r\n\r\n') this.#left = 0 // the bodies sent here are zero bytes, never that text
    if (this.#left === 0) {
      const body = JSON.stringify({ bytes: this.#taken }) // with their framing, for a chunked one
      this.#socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    } else if (this.#isSlow) this.#breathe()
  }

  #breathe(): void {
    const aheadMs = this.#taken / slowBytesPerMs - (performance.now() - this.#beganMs)
    if (aheadMs < 2) return
    this.#socket.pause()
    setTimeout(() => this.#socket.resume(), aheadMs)
  }
}
