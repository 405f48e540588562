import { type ClientHttp2Session, type ClientSessionOptions, connect as connectH2 } from 'node:http2'
import { request as requestH1 } from 'node:https'
import type { Test } from 'tap'
import { connectRaw, type Reachable } from './edge.ts'

export type Protocol = 'h1' | 'h2'
export const protocols: readonly Protocol[] = ['h1', 'h2']

export interface Ask {
  readonly method?: string
  readonly path?: string
  /** Name, value, name, value… */
  readonly headers?: readonly string[]
  readonly body?: string | undefined
  readonly trailers?: Record<string, string>
  onHead?(): void
  /** Hears each piece of the answer's body as it comes. */
  onData?(text: string): void
}

/** What a client made of an answer, one latin1 character per byte. */
export interface Answer {
  status: number
  /** Name, value, name, value…, as the client's own parser gives them. */
  headers: string[]
  body: string
  trailers: string[]
  interim: { status: number; headers: string[] }[]
  /** The client believes that it has everything. */
  isComplete: boolean
}

/** Known to node:http2, not yet to its types. */
type LaxOptions = ClientSessionOptions & { strictSingleValueFields: boolean }

/** One request by a client that shares no code with the edge; it resolves however the exchange ends. */
export async function ask(t: Test, edge: Reachable, protocol: Protocol, what: Ask = {}): Promise<Answer> {
  if (protocol === 'h1') return askH1(edge, what)
  const session = await openH2(t, edge)
  const answer = await askH2(session, what)
  session.close()
  return answer
}

/** An HTTP/2 connection that is gone when the test ends. */
export async function openH2(t: Test, edge: Reachable): Promise<ClientHttp2Session> {
  const socket = await connectRaw(edge, 'h2')
  // Lax, so that what the edge sent can be told from what this client would not have.
  const options: LaxOptions = { createConnection: () => socket, strictSingleValueFields: false }
  const session = connectH2('https://localhost', options)
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  return session
}

export function valuesOf(fields: readonly string[], name: string): string[] {
  return fields.filter((_, i) => i % 2 === 1 && fields[i - 1]!.toLowerCase() === name)
}

function emptyAnswer(): Answer {
  return { status: 0, headers: [], body: '', trailers: [], interim: [], isComplete: false }
}

function askH1(edge: Reachable, what: Ask): Promise<Answer> {
  const { method = 'GET', path = '/', headers = [], body, trailers } = what
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const answer = emptyAnswer()
  const all = ['Host', 'localhost', ...headers]
  if (body !== undefined && valuesOf(headers, 'content-length').length === 0) all.push('Transfer-Encoding', 'chunked')
  const { ca, httpsPort: port } = edge
  const target = { ca, port, host: '127.0.0.1', servername: 'localhost', agent: false } as const
  const request = requestH1({ ...target, method, path, headers: all })
  request.on('error', () => resolve(answer))
  request.on('information', info => answer.interim.push({ status: info.statusCode, headers: info.rawHeaders }))
  request.on('response', response => {
    answer.status = response.statusCode!
    answer.headers = response.rawHeaders
    what.onHead?.()
    response.on('data', (chunk: Buffer) => {
      answer.body += chunk.toString('latin1')
      what.onData?.(chunk.toString('latin1'))
    })
    response.on('error', () => {})
    response.on('close', () => {
      answer.isComplete = response.complete
      answer.trailers = response.rawTrailers
      request.destroy()
      resolve(answer)
    })
  })
  if (trailers !== undefined) request.addTrailers(trailers)
  request.end(body, 'latin1')
  return promise
}

/** The same on a session that is open already. */
export function askH2(session: ClientHttp2Session, what: Ask): Promise<Answer> {
  const { method = 'GET', path = '/', headers = [], body, trailers } = what
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const answer = emptyAnswer()
  const asked: Record<string, string | string[]> = { ':method': method, ':path': path, ':authority': 'localhost' }
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [headers[i]!, headers[i + 1]!]
    const known = asked[name]
    asked[name] = known === undefined ? value : [known, value].flat()
  }
  const options = { endStream: body === undefined, waitForTrailers: trailers !== undefined }
  const stream = session.request(asked, options)
  stream.on('wantTrailers', () => stream.sendTrailers(trailers!))
  stream.on('headers', (head, _flags, raw) => {
    answer.interim.push({ status: head[':status']!, headers: plain(raw as unknown as string[]) })
  })
  stream.on('response', (head, _flags, raw) => {
    answer.status = head[':status']!
    answer.headers = plain(raw as unknown as string[])
    what.onHead?.()
  })
  stream.on('trailers', (_head, _flags, raw) => {
    answer.trailers = plain(raw as unknown as string[])
  })
  stream.on('data', (chunk: Buffer) => {
    answer.body += chunk.toString('latin1')
    what.onData?.(chunk.toString('latin1'))
  })
  let hasEnded = false
  stream.on('end', () => {
    hasEnded = true
  })
  stream.on('error', () => {})
  stream.on('close', () => {
    answer.isComplete = hasEnded && stream.rstCode === 0
    resolve(answer)
  })
  if (body !== undefined) stream.end(Buffer.from(body, 'latin1'))
  return promise
}

function plain(raw: readonly string[]): string[] {
  return raw.flatMap((name, i) => (i % 2 === 0 && !name.startsWith(':') ? [name, raw[i + 1]!] : []))
}
