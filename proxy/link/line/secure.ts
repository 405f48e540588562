import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  type CommonConnectionOptions,
  createServer,
  type SecureContextOptions,
  type Server,
  type TLSSocket
} from 'node:tls'
import { EdgeError, type FailureCode } from '../../errors.ts'
import { groups } from '../../tls/listener-options.ts'
import { fingerprintOf } from '../keys/fingerprint.ts'
import type { LinkKeys } from '../keys/link-keys.ts'
import { ALPN } from './frames.ts'

/** This edge's key, and whom it takes for the peer. */
export type Keys = Pick<LinkKeys, 'current' | 'judge'>

/** TLS 1.3 alone, both ends with a key; whose it is, is judged after the handshake, by its fingerprint. */
export function secureOptions(keys: Keys): SecureContextOptions & CommonConnectionOptions {
  const { cert, key } = keys.current
  return { cert, key, minVersion: 'TLSv1.3', ecdhCurve: groups, ALPNProtocols: [ALPN], rejectUnauthorized: false }
}

/** Three round trips at most. */
export const HANDSHAKE_MS = 10_000

/** Who hears how handshakes end. */
interface HandshakesOptions {
  readonly keys: Keys
  /** Whose key it is, is still to be judged. */
  onSecure(socket: TLSSocket): void
  onRefused(failure: EdgeError): void
}

/** Handshakes of those who come, with the key that is ours at the time. */
export class Handshakes {
  readonly #options: HandshakesOptions
  #made: { readonly cert: string; readonly server: Server } | null = null

  constructor(options: HandshakesOptions) {
    this.#options = options
  }

  accept(socket: Socket): void {
    const { cert } = this.#options.keys.current
    if (this.#made?.cert !== cert) this.#made = { cert, server: this.#makeServer() }
    this.#made.server.emit('connection', socket)
  }

  #makeServer(): Server {
    const { keys, onSecure, onRefused } = this.#options
    // Whoever has a ticket comes in without the key, and each would be a kilobyte that our own dialer never uses.
    const secure = { ...secureOptions(keys), secureOptions: constants.SSL_OP_NO_TICKET }
    const options = { ...secure, requestCert: true, handshakeTimeout: HANDSHAKE_MS }
    const server = createServer(options, onSecure)
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      onRefused(failureOfHandshake(error))
      socket.destroy()
    })
    return server
  }
}

function failureOfHandshake({ code, message }: NodeJS.ErrnoException): EdgeError {
  const isVersion = code?.includes('NO_APPLICATION_PROTOCOL') === true
  if (isVersion) return new EdgeError('LINK_VERSION', `who came does not speak ${ALPN}`)
  return new EdgeError('LINK_PEER_REFUSED', `no handshake: ${code ?? message}`)
}

/** @returns the fingerprint of the other end's key. @throws EdgeError LINK_KEY_*, LINK_UNPAIRED, LINK_CLOCK, LINK_VERSION */
export function checkPeer(socket: TLSSocket, keys: Keys): string {
  if (socket.alpnProtocol !== ALPN) throw new EdgeError('LINK_VERSION', `the other end does not speak ${ALPN}`)
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) throw new EdgeError('LINK_KEY_UNKNOWN', 'the other end showed no key')
  const fingerprint = fingerprintOf(certificate.raw)
  const judgement = keys.judge(certificate.raw, new Date())
  if (judgement === 'known') return fingerprint
  const { code, what } = refusals[judgement]
  throw new EdgeError(code, `${fingerprint} ${what}`)
}

const refusals = {
  own: { code: 'LINK_KEY_UNKNOWN', what: 'is our own key: link.peer leads back here, or the state folder was copied' },
  unknown: { code: 'LINK_KEY_UNKNOWN', what: 'is not the key of the peer' },
  unpaired: { code: 'LINK_UNPAIRED', what: 'came, and no key is taken for the peer yet' },
  expired: { code: 'LINK_KEY_EXPIRED', what: 'is the key of the peer, but its time is over' },
  clock: { code: 'LINK_CLOCK', what: 'is the key of the peer, but by the clock of this server it is not valid yet' }
} as const satisfies Record<string, { code: FailureCode; what: string }>

/** What the other end says of us when it refuses us. */
const theirWords: Partial<Record<string, string>> = {
  LINK_KEY_UNKNOWN: 'the other server does not take our key for its peer',
  LINK_UNPAIRED: 'the other server has not taken our key yet',
  LINK_KEY_EXPIRED: 'the other server says that the time of our key is over',
  LINK_CLOCK: 'by the clock of the other server our key is not valid yet'
}

export function refusedBy(text: string): EdgeError {
  const words = theirWords[text]
  if (words === undefined) return new EdgeError('LINK_PEER_REFUSED', JSON.stringify(text.slice(0, 60)))
  return new EdgeError(text as FailureCode, words)
}

/** What the kernel's words mean here. */
const reasons: Partial<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'DNS has no address for this name: is link.peer written right?',
  EAI_AGAIN: 'DNS does not answer: an address as link.peer does without it',
  ECONNRESET: 'it hung up at once: its link.peer or link.from must name the address that this server comes from'
}

/** Why no connection came of it. */
export function failureOfDial(cause: unknown, where: string): EdgeError {
  if (cause instanceof EdgeError) return cause
  const { code = '', message = '' } = cause as NodeJS.ErrnoException
  if (code.includes('NO_APPLICATION_PROTOCOL')) {
    return new EdgeError('LINK_VERSION', `${where} does not speak ${ALPN}`, cause)
  }
  if (/^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(code)) {
    return new EdgeError('LINK_PEER_REFUSED', `${where}: no handshake (${code}): is it the port of its link?`, cause)
  }
  const what = reasons[code] ?? (message || code)
  return new EdgeError('LINK_UNREACHABLE', `${where}: ${what}`, cause)
}
