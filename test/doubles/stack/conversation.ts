import { once } from 'node:events'
import { connect as connectH2 } from 'node:http2'
import { request as requestH1 } from 'node:https'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import type { Reachable } from '../edge.ts'
import type { Protocol } from '../foreign-client.ts'

export interface Opening {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent piece by piece; null: the body is left open, with nothing in it. */
  readonly body?: string | AsyncIterable<Buffer> | null
  /** This client's own address. */
  readonly from?: string
}

/** An answer whose head is here, and whose body comes as it comes. */
export interface Conversation {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readable
  /** All of it, as UTF-8. */
  text(): Promise<string>
  /** Goes away in the middle of it. */
  leave(): void
}

/** Resolves with the head of the answer; the connection ends with the test. */
export async function converse(t: Test, edge: Reachable, protocol: Protocol, what: Opening): Promise<Conversation> {
  const socket = await connectFrom(t, edge, protocol, what.from ?? '127.0.0.1')
  return protocol === 'h1' ? overH1(socket, what) : overH2(socket, what)
}

/** What the API's answer says, as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: the sample's own answers, of which each test reads a little
export async function converseJson(t: Test, edge: Reachable, protocol: Protocol, what: Opening): Promise<any> {
  return JSON.parse(await (await converse(t, edge, protocol, what)).text())
}

async function connectFrom(t: Test, edge: Reachable, protocol: Protocol, localAddress: string): Promise<TLSSocket> {
  const ALPNProtocols = [protocol === 'h2' ? 'h2' : 'http/1.1']
  const { httpsPort: port, ca } = edge
  const plain = connect({ port, host: '127.0.0.1', localAddress })
  const socket = connectTls({ socket: plain, ca, servername: 'localhost', ALPNProtocols })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  // Whoever leaves in the middle hears of it here too.
  socket.on('error', () => {})
  return socket
}

async function overH1(socket: TLSSocket, { method = 'GET', path, headers, body = '' }: Opening): Promise<Conversation> {
  const all = { host: 'localhost', connection: 'close', ...headers }
  const request = requestH1({ method, path, headers: all, createConnection: () => socket })
  request.on('error', () => {})
  const answered = once(request, 'response')
  if (body === null) request.flushHeaders()
  else if (typeof body === 'string') request.end(body)
  else Readable.from(body).pipe(request)
  const [response] = await answered
  const { statusCode: status, headers: fields } = response
  return conversation(status, fields, response, () => socket.destroy())
}

async function overH2(socket: TLSSocket, { method = 'GET', path, headers, body = '' }: Opening): Promise<Conversation> {
  const session = connectH2('https://localhost', { createConnection: () => socket })
  session.on('error', () => {})
  const head = { ':method': method, ':path': path, ':authority': 'localhost', ...headers }
  const stream = session.request(head, { endStream: body === '' })
  stream.on('error', () => {})
  const answered = once(stream, 'response')
  if (body !== null && typeof body !== 'string') Readable.from(body).pipe(stream)
  else if (body) stream.end(body)
  const [fields] = await answered
  return conversation(fields[':status'], fields, stream, () => stream.close(8 /* CANCEL */))
}

function conversation(
  status: number,
  headers: Conversation['headers'],
  body: Readable,
  leave: () => void
): Conversation {
  body.on('error', () => {})
  const text = async (): Promise<string> => Buffer.concat(await body.toArray()).toString()
  return { status, headers, body, text, leave }
}
