import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { streamAnswers } from './stream.ts'
import { type DemoOptions, type DemoServer, listen } from './web.ts'
import { echo, refuse } from './websocket.ts'

export type Answer = (call: Call) => void | Promise<void>

const PREFIX = '/api/v1/'
const BLOCK = Buffer.alloc(65_536, 'twinedge demo download, block of 64 bytes or thereabouts. '.padEnd(64, '.'))
const LONGEST_MS = 3_600_000
const LARGEST_BYTES = 4 * 1024 ** 3
const plainAnswers = { health, echo: report, upload, download, slow, status, die, ws }

/** An API that behaves as the real app does: streams, uploads, WebSocket, slow and failing answers. */
export async function startDemoApi(options: DemoOptions = {}): Promise<DemoServer> {
  const name = options.server ?? 'demo-api'
  const answers = new Map<string, Answer>(Object.entries({ ...plainAnswers, ...streamAnswers() }))
  const server = createServer({ shouldUpgradeCallback: isWebSocket }, (request, response) => {
    const call = new Call(request, response, name)
    const answer = answers.get(call.name)
    if (answer === undefined) return call.sendJson(404, { detail: 'Not Found' })
    // Only a lost connection throws in there, and a lost connection needs no answer.
    Promise.try(() => answer(call)).catch(() => response.destroy())
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const path = (request.url ?? '').split('?', 1)[0]
    if (path === `${PREFIX}ws`) return echo(request, socket, head)
    if (path === `${PREFIX}ws-forbidden`) return refuse(socket, 403, { detail: 'No WebSocket for you' })
    refuse(socket, 404, { detail: 'Not Found' })
  })
  return listen(server, options)
}

/** One request to the demo API, taken apart. */
export class Call {
  /** The path after `/api/v1/`, without its id: `jobs/7/events` has the name `jobs/events` and the id `7`. */
  readonly name: string
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Who answers. */
  readonly server: string
  readonly query: URLSearchParams
  readonly #gone = new AbortController()

  constructor(request: IncomingMessage, response: ServerResponse, server: string) {
    const [, path = '', query = ''] = /^\/api\/v1\/([^?]*)\??(.*)/.exec(request.url ?? '') ?? []
    const [, first, id = '', last = ''] = /^(status|jobs)\/([^/]+)(\/events)?$/.exec(path) ?? []
    this.name = first === undefined ? path : first + last
    this.id = id
    this.request = request
    this.response = response
    this.server = server
    this.query = new URLSearchParams(query)
    response.on('close', () => this.#gone.abort())
  }

  /** Aborted when the answer is over or the client has gone. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** @returns the number that the query gives, or `fallback` for none; never above `most` */
  amount(key: string, fallback: number, most: number): number {
    const given = this.query.get(key)
    return given !== null && /^\d+$/.test(given) ? Math.min(Number(given), most) : fallback
  }

  sendHead(code: number, headers: Record<string, string | number>): void {
    this.response.writeHead(code, { ...headers, 'X-Demo-Server': `${this.server}, pid ${process.pid}` })
  }

  sendJson(code: number, body: object): void {
    this.sendHead(code, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    this.response.end(JSON.stringify(body)) // which node leaves out after 204 and 304
  }
}

/** Any other protocol that is offered (h2c) is ignored, as RFC 9110 §7.8 lets a server do. */
function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket'
}

function health(call: Call): void {
  call.sendJson(200, { status: 'ok' })
}

/** What reached the upstream, as it reached it: the far side of every question about forwarding. */
async function report(call: Call): Promise<void> {
  const { method, url, rawHeaders, httpVersion, socket } = call.request
  const { bytes } = await digest(call.request)
  const headers = Array.from({ length: rawHeaders.length / 2 }, (_, i) => rawHeaders.slice(2 * i, 2 * i + 2))
  const from = `${socket.remoteAddress}:${socket.remotePort}`
  const protocol = `HTTP/${httpVersion}`
  call.sendJson(200, { server: call.server, pid: process.pid, method, url, protocol, from, headers, bytes })
}

async function upload(call: Call): Promise<void> {
  if (call.request.method !== 'POST') return call.sendJson(405, { detail: 'Method Not Allowed' })
  const began = performance.now()
  const { bytes, sha256 } = await digest(call.request)
  call.sendJson(200, { bytes, sha256, ms: Math.round(performance.now() - began) })
}

/** Reads a body to its end, holding none of it. */
async function digest(body: IncomingMessage): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of body) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function download(call: Call): Promise<void> {
  const bytes = call.amount('bytes', 1_000_000, LARGEST_BYTES)
  call.sendHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes })
  await pipeline(Readable.from(blocks(bytes)), call.response)
}

function* blocks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, Math.min(left, BLOCK.length))
}

async function slow(call: Call): Promise<void> {
  const ms = call.amount('ms', 2_000, LONGEST_MS)
  await pause(ms, undefined, { signal: call.gone })
  call.sendJson(200, { waited: ms })
}

function status(call: Call): void {
  const code = /^[2-5]\d\d$/.test(call.id) ? Number(call.id) : 400
  call.sendJson(code, { status: code, detail: 'as asked' })
}

/** Dies as a crashed process does. Without `after`: before it answers. With it: the head, so many bytes, then the end, `wait` ms later. */
function die(call: Call): void {
  const { response } = call
  const { socket } = response
  if (!call.query.has('after')) return void socket?.destroy()
  const bytes = call.amount('after', 0, BLOCK.length)
  call.sendHead(200, { 'Content-Type': 'application/octet-stream', 'Transfer-Encoding': 'chunked' })
  const waitMs = call.amount('wait', 0, LONGEST_MS)
  // Once what is written has left; the last chunk never follows.
  const end = (): void => void setTimeout(() => socket?.destroySoon(), waitMs)
  if (bytes > 0) return void response.write(BLOCK.subarray(0, bytes), end)
  response.flushHeaders()
  end()
}

/** A plain request for the WebSocket. */
function ws(call: Call): void {
  call.response.setHeader('Upgrade', 'websocket')
  call.sendJson(426, { detail: 'Upgrade Required' })
}
