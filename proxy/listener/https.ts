import { createServer as createH2, type Http2Server } from 'node:http2'
import { createServer as createTls, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Address, LimitsConfig } from '../config/config.ts'
import type { Admission } from './admission.ts'
import type { ListenerContext } from './context.ts'
import { H1Connection } from './h1/connection.ts'
import { H2Connection, h2Options } from './h2/connection.ts'
import { Listener, plainAddress } from './listener.ts'

/** :443: TLS, then HTTP/2 or HTTP/1.1 as ALPN chose (RFC 7301). */
export function createHttpsListener(
  address: Address,
  tls: TlsOptions,
  context: ListenerContext,
  admission: Admission
): Listener {
  let limits: LimitsConfig | null = null
  let h2: Http2Server
  const h2Server = (): Http2Server => {
    // A reload may have changed what a session is told at its start.
    if (limits !== context.limits()) {
      limits = context.limits()
      h2 = createH2Server(limits, (session, socket) => {
        listener.hold(new H2Connection(session, plainAddress(socket.remoteAddress), context), socket)
      })
    }
    return h2
  }
  const server = createTls(tls, socket => {
    socket.on('error', () => socket.destroy())
    if (socket.alpnProtocol === 'h2') h2Server().emit('connection', socket)
    else listener.hold(new H1Connection(socket, context, plainAddress(socket.remoteAddress)), socket)
  })
  // Node only tells of a handshake that failed or is late: closing is ours.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  const listener = new Listener(address, admission, socket => server.emit('connection', socket))
  return listener
}

type OnSession = (session: import('node:http2').ServerHttp2Session, socket: TLSSocket) => void

function createH2Server(limits: LimitsConfig, onSession: OnSession): Http2Server {
  const server = createH2(h2Options(limits.streams, limits.headBytes))
  server.on('session', session => onSession(session, session.socket as TLSSocket))
  server.on('sessionError', () => {})
  return server
}
