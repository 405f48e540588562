import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { Agent, request as requestH1 } from 'node:https'
import type { Readable, Writable } from 'node:stream'

export interface Site {
  readonly httpsPort: number
  /** PEM. */
  readonly ca: string
}

export interface Asked {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** Writes the body as it likes. */
  readonly send?: (to: Writable) => Promise<void>
}

/** The head of an answer. Reading its body to the end throws when it was cut. */
export interface Reply {
  readonly status: number
  readonly body: Readable
}

/** Whoever asks, over connections that are kept. Throws when no answer came. */
export type Client = (asked: Asked) => Promise<Reply>

const headMs = 60_000
const origin = 'https://localhost'

/** As a browser over HTTP/1.1 does: a connection is used for one thing after another. */
export function clientH1({ httpsPort: port, ca }: Site): Client {
  const agent = new Agent({ keepAlive: true, ca, servername: 'localhost', port })
  return async asked => {
    const { method = 'GET', path } = asked
    const headers = { host: 'localhost', ...fieldsOf(asked) }
    const request = requestH1({ host: '127.0.0.1', port, agent, method, path, headers })
    const late = setTimeout(() => request.destroy(new Error('no answer')), headMs)
    try {
      const answered = once(request, 'response')
      write(request, asked)
      const [response] = await answered
      return { status: response.statusCode, body: response }
    } finally {
      clearTimeout(late)
      request.on('error', () => {})
    }
  }
}

/**
 * As a browser over HTTP/2 does: everything on one connection, and on another when the edge ends that one.
 * @param onEnded hears that the edge did so
 */
export function clientH2({ httpsPort, ca }: Site, onEnded: () => void): Client {
  let session: ClientHttp2Session | null = null
  const open = (): ClientHttp2Session => {
    if (session !== null && !session.closed && !session.destroyed) return session
    const made = connect(origin, { ca, port: httpsPort, host: '127.0.0.1', servername: 'localhost' } as object)
    made.setMaxListeners(0)
    made.on('error', () => {}).on('goaway', onEnded)
    session = made
    return made
  }
  return async asked => {
    const { method = 'GET', path, body, send } = asked
    const fields = { ':method': method, ':path': path, ':authority': 'localhost', ...fieldsOf(asked) }
    const stream: ClientHttp2Stream = open().request(fields, { endStream: body === undefined && send === undefined })
    const late = setTimeout(() => stream.destroy(new Error('no answer')), headMs)
    try {
      // 'close' without either: the connection ended.
      const answered = Promise.race([once(stream, 'response'), once(stream, 'close').then(() => null)])
      write(stream, asked)
      const head = await answered
      if (head === null) throw new Error(`closed, ${stream.rstCode}`)
      return { status: Number(head[0][':status']), body: stream }
    } finally {
      clearTimeout(late)
      stream.on('error', () => {})
    }
  }
}

/** As `fetch` does, which says how long a text is over HTTP/2, too. */
function fieldsOf({ headers, body }: Asked): Record<string, string> {
  return { ...headers, ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }) }
}

function write(to: Writable, { body, send }: Asked): void {
  if (send === undefined) to.end(body)
  // What stops it is seen in the answer, or in its absence.
  else send(to).catch(() => to.destroy())
}
