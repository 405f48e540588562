import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { WebSocketServer } from 'ws'
import { type RunningEdge, startEdge } from './edge.ts'

/**
 * One half of a pair whose streams have names: `/stream?id=KEY` begins one, which goes on until `end(KEY)`. Each WebSocket
 * is told its name.
 */
export interface StreamHalf {
  readonly origin: string
  /** `METHOD PATH BODY` of every request, in the order in which they ended. */
  readonly seen: string[]
  /** Of every request, lower-case names. */
  readonly heads: IncomingMessage['headers'][]
  /** Bytes of bodies that it has read. */
  bytes: number
  /** How many answers carry this stream. */
  carrying(key: string): number
  /** Ends the stream, in every answer that carries it. */
  end(key: string): void
  /** Nobody listens there any more. */
  close(): void
}

/** A real edge in front of two halves, as the upstream `web`. */
export interface StreamPair {
  readonly edge: RunningEdge
  readonly blue: StreamHalf
  readonly green: StreamHalf
}

/** @param idle of every route */
export async function startStreamPair(t: Test, { idle = '60s' } = {}): Promise<StreamPair> {
  const [blue, green] = [await startHalf(t, 'blue'), await startHalf(t, 'green')]
  const edge = await startEdge(
    t,
    `server: single
domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
upstreams:
  web: { slots: { blue: "${blue.origin}", green: "${green.origin}" }, connect-timeout: 2s }
routes:
  - { path: /stream, upstream: web, learn: stream_id, idle: ${idle} }
  - { path: /subscribe, upstream: web, learn: stream_id, owner: "body:stream_id", idle: ${idle} }
  - { path: /jobs/, upstream: web, owner: "path:2", idle: ${idle} }
  - { path: /about, upstream: web, owner: ["header:X-Stream", "cookie:stream", "query:stream", "body:stream_id"], idle: ${idle} }
  - { path: /, upstream: web, idle: ${idle} }
`
  )
  return { edge, blue, green }
}

async function startHalf(t: Test, name: string): Promise<StreamHalf> {
  const streams = new Map<string, Set<ServerResponse>>()
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, async (request, answer) => {
    const parts: Buffer[] = []
    half.heads.push(request.headers)
    request.on('error', () => {})
    try {
      for await (const part of request) {
        parts.push(part)
        half.bytes += part.length
      }
    } catch {
      return
    }
    const body = Buffer.concat(parts).toString('latin1')
    half.seen.push(`${request.method} ${request.url} ${body}`)
    const key = keyOf(request.url!, body)
    if (key === null) return void answer.end(`${name} ${body}`, 'latin1')
    const carriers = streams.get(key) ?? new Set()
    streams.set(key, carriers.add(answer))
    answer.on('close', () => carriers.delete(answer))
    answer.writeHead(200, headersFor(request.url!))
    answer.write(`: ${name}\n\ndata: ${JSON.stringify({ type: 'token', stream_id: key, seq: 1 })}\n\n`)
  })
  const webSockets = new WebSocketServer({ server })
  webSockets.on('connection', webSocket => webSocket.on('error', () => {}).send(name))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    for (const webSocket of webSockets.clients) webSocket.terminate()
    server.closeAllConnections()
    server.close()
  }
  t.teardown(close)
  const half: StreamHalf = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    heads: [],
    bytes: 0,
    carrying: key => streams.get(key)?.size ?? 0,
    end(key) {
      for (const answer of streams.get(key) ?? []) answer.end()
    },
    close
  }
  return half
}

function headersFor(url: string): Record<string, string> {
  const coding = url.includes('coded') ? { 'content-encoding': 'gzip' } : null
  return { 'content-type': 'text/event-stream; charset=utf-8', ...coding }
}

/** Of the stream that is asked for; null: none is. */
function keyOf(url: string, body: string): string | null {
  if (url.startsWith('/stream')) return new URLSearchParams(url.split('?')[1]).get('id')
  return url === '/subscribe' ? JSON.parse(body).stream_id : null
}
