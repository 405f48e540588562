import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { EdgeError } from '../errors.ts'

// Reads are synchronous: every connection can read into the same bytes, so that 2,000 open streams own no buffers.
const readBuffer = Buffer.allocUnsafeSlow(65_536)

/** @returns false to stop reading until `resume()` */
export type OnRead = (length: number, buffer: Buffer) => boolean

/** How an origin is reached. */
export interface Connector {
  readonly connectMs: number
  /** It was open before: whatever fails on it may have failed because of that. */
  readonly isWarm: boolean
  /** The event after which the socket can be used. */
  readonly readyEvent: 'connect' | 'secureConnect'
  connect(onRead: OnRead): Socket
}

/** @param origin `http://host:port` or `https://host:port`; the certificate of the latter is verified */
export function connectorTo(origin: string, connectMs: number): Connector {
  const url = new URL(origin)
  const isSecure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || (isSecure ? 443 : 80)
  return {
    connectMs,
    isWarm: false,
    readyEvent: isSecure ? 'secureConnect' : 'connect',
    connect(onRead) {
      const onread = { buffer: readBuffer, callback: onRead } as unknown as OnReadOpts
      if (!isSecure) return readBeforeFailing(connectTcp({ host, port, onread, autoSelectFamily: true }))
      const servername = isIP(host) === 0 ? host : ''
      const options = { host, port, servername, ALPNProtocols: ['http/1.1'], onread }
      return readBeforeFailing(connectTls(options as unknown as ConnectionOptions))
    }
  }
}

/**
 * An upstream that refuses an upload answers, closes, and resets what still comes; Node destroys the socket at the first
 * write that fails, and with it the answer that lies there unread. So the error waits until the event loop has read once.
 */
function readBeforeFailing<S extends Socket>(socket: S): S {
  const destroy = socket.destroy.bind(socket)
  socket.destroy = error => {
    const { code } = (error ?? {}) as NodeJS.ErrnoException
    // Nothing else may wait: on a certificate that is not good, for one, not a byte may be sent or read.
    if (code !== 'EPIPE' && code !== 'ECONNRESET') return destroy(error)
    // Twice: the first may come before the next poll.
    setImmediate(() => setImmediate(() => destroy(error)))
    return socket
  }
  return socket
}

/** What stopped a connection before it was one. */
export function failureOfConnect(cause: unknown): EdgeError {
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? ''
  const detail = cause instanceof Error && cause.message !== '' ? cause.message : code || 'closed while connecting'
  if (code === 'ECONNREFUSED') return new EdgeError('EDGE_UPSTREAM_REFUSED', detail, cause)
  if (code === 'ETIMEDOUT') return new EdgeError('EDGE_UPSTREAM_CONNECT_TIMEOUT', detail, cause)
  if (/^(?:ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_|SELF_|UNABLE_|INVALID_|HOSTNAME_)/.test(code)) {
    return new EdgeError('EDGE_UPSTREAM_TLS', detail, cause)
  }
  return new EdgeError('EDGE_UPSTREAM_UNREACHABLE', detail, cause)
}
