import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface DemoOptions {
  readonly host?: string
  /** 0 takes a free one. */
  readonly port?: number
  /** The name under which it says that it answered. */
  readonly server?: string
}

export interface DemoServer {
  readonly origin: string
  /** Ends at once, cutting what is open: a demo keeps nobody waiting. */
  close(): Promise<void>
}

/** Uvicorn closes idle sockets after 5 s; the demo does too, so that the race with a reused socket is met in earnest. */
const KEEP_ALIVE_MS = 5_000

const files: Record<string, { readonly file: string; readonly type: string }> = {
  '/': { file: 'page.html', type: 'text/html; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/panels.js': { file: 'panels.js', type: 'text/javascript; charset=utf-8' }
}

/** Nothing is fetched from elsewhere, nothing runs inline: a page that the strictest site could serve. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"

/** The demo's web upstream: one page, and `/login` as the health check of the real app has it. */
export async function startDemoWeb(options: DemoOptions = {}): Promise<DemoServer> {
  const name = options.server ?? 'demo-web'
  const server = createServer((request, response) => {
    response.setHeader('X-Demo-Server', `${name}, pid ${process.pid}`)
    answer(request, response).catch(() => response.destroy())
  })
  return listen(server, options)
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] ?? ''
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'Method not allowed')
  if (path === '/login') return sendText(response, 200, 'ok')
  const found = files[path]
  if (found === undefined) return sendText(response, 404, 'Not found')
  // Read each time: a change to the page shows on reload.
  const body = await readFile(new URL(found.file, import.meta.url))
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
  const headers = { ETag: tag, 'Cache-Control': 'no-cache', 'Content-Security-Policy': POLICY }
  if (request.headers['if-none-match'] === tag) return void response.writeHead(304, headers).end()
  response.writeHead(200, { ...headers, 'Content-Type': found.type, 'Content-Length': body.length }).end(body)
}

function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

/** Starts `server`, and gives it an end that leaves no socket open, upgraded ones included. */
export async function listen(server: Server, options: DemoOptions): Promise<DemoServer> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = 0 // an upload over a slow line takes as long as it takes
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const { address, family, port } = server.address() as AddressInfo
  return {
    origin: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
  }
}
