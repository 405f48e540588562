import { createServer as createH2, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { createServer as createTls, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls'
import type { Address, LimitsConfig } from '../config/config.ts'
import type { Admission } from './admission.ts'
import type { ListenerContext } from './context.ts'
import { H1Connection } from './h1/connection.ts'
import { H2Connection, h2Options } from './h2/connection.ts'
import { Listener, plainAddress } from './listener.ts'
import { type AlpnChallenges, asksForChallenge, createChallengeServer } from './tls/challenge-server.ts'
import { HelloPeek } from './tls/hello-peek.ts'

const PLAIN_HTTP = 'EDGE_PLAIN_HTTP: this port speaks HTTPS\n'
const PLAIN_HTTP_ANSWER = `HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: ${PLAIN_HTTP.length}\r\nconnection: close\r\n\r\n${PLAIN_HTTP}`

/** Options of the TLS server for a limit on the handshake, in ms. */
export type TlsOptionsFor = (handshakeMs: number) => TlsOptions

export interface HttpsOptions {
  readonly tls: TlsOptionsFor
  readonly context: ListenerContext
  readonly challenges: AlpnChallenges
}

/** :443: TLS, then HTTP/2 or HTTP/1.1 as ALPN chose (RFC 7301). */
export function createHttpsListener(address: Address, options: HttpsOptions, admission: Admission): Listener {
  const { tls, context, challenges } = options
  const serve = dispatcher(options, (connection, socket) => listener.hold(connection, socket))
  const listener = new Listener(address, admission, socket => {
    if (!challenges.isAlpnOpen) return serve(socket)
    const peek = new HelloPeek(socket, context, hello => {
      if (!asksForChallenge(hello, challenges)) return serve(socket)
      createChallengeServer(tls(context.limits().headMs), challenges).emit('connection', socket)
    })
    listener.hold(peek, socket)
  })
  return listener
}

/** Hands connections to a TLS server that is made anew when a reload changed the limits, or the ticket keys their turn. */
function dispatcher(
  { tls, context }: HttpsOptions,
  hold: (connection: H1Connection | H2Connection, socket: Socket) => void
): (socket: Socket) => void {
  let made: { limits: LimitsConfig; ticketKeys: Buffer | undefined; server: TlsServer } | null = null
  return socket => {
    const limits = context.limits()
    const options = tls(limits.headMs)
    const { ticketKeys } = options
    if (made?.limits !== limits || made.ticketKeys !== ticketKeys) {
      made = { limits, ticketKeys, server: createServer(options, limits, context, hold) }
    }
    made.server.emit('connection', socket)
  }
}

function createServer(
  tls: TlsOptions,
  limits: LimitsConfig,
  context: ListenerContext,
  hold: (connection: H1Connection | H2Connection, socket: Socket) => void
): TlsServer {
  const h2 = createH2Server(limits, (session, socket) => {
    hold(new H2Connection(session, plainAddress(socket.remoteAddress), context), socket)
  })
  const server = createTls(tls, socket => {
    socket.on('error', () => socket.destroy())
    if (socket.alpnProtocol === 'h2') h2.emit('connection', socket)
    else hold(new H1Connection(socket, context, plainAddress(socket.remoteAddress)), socket)
  })
  // Node only tells of a handshake that failed or is late: closing is ours.
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_SSL_HTTP_REQUEST') answerPlainHttp(socket)
    else socket.destroy()
  })
  return server
}

function createH2Server(
  limits: LimitsConfig,
  onSession: (session: ServerHttp2Session, socket: TLSSocket) => void
): Http2Server {
  const server = createH2(h2Options(limits.streams, limits.headBytes))
  server.on('session', session => onSession(session, session.socket as TLSSocket))
  server.on('sessionError', () => {})
  return server
}

/** A wrong scheme is told in words, as nginx does: below the TLS socket, which can no longer speak. */
function answerPlainHttp(socket: TLSSocket): void {
  const below = (socket as { _parent?: Socket })._parent
  if (below === undefined) return void socket.destroy()
  below.end(PLAIN_HTTP_ANSWER, () => socket.destroy())
}
