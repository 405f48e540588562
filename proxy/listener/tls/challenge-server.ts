import { createServer, type SecureContext, type TlsOptions, type Server as TlsServer } from 'node:tls'
import type { ClientHello } from '../../tls/client-hello.ts'

const PROTOCOL = 'acme-tls/1'

/** The TLS-ALPN-01 challenges that are open (RFC 8737). */
export interface AlpnChallenges {
  readonly isAlpnOpen: boolean
  /** @returns undefined when none is open for this name */
  alpnContextFor(servername: string): SecureContext | undefined
}

/** Whether it is an authority that asks, and not a user of the same name. */
export function asksForChallenge(hello: ClientHello | null, challenges: AlpnChallenges): boolean {
  if (hello === null || hello.serverName === null || !hello.alpn.includes(PROTOCOL)) return false
  return challenges.alpnContextFor(hello.serverName) !== undefined
}

/**
 * Shows an authority the certificate of its challenge, and says goodbye: nothing is spoken over `acme-tls/1`. A server of
 * its own, because Node has chosen the certificate before it knows of ALPN.
 * @param ordinary the listener's own TLS, whose bounds hold here too
 */
export function createChallengeServer(ordinary: TlsOptions, challenges: AlpnChallenges): TlsServer {
  // What an authority was shown must open no session with the site, nor the other way round.
  const { ticketKeys: _, ...rest } = ordinary
  const options: TlsOptions = {
    ...rest,
    ALPNProtocols: [PROTOCOL],
    SNICallback: (servername, done) => done(null, challenges.alpnContextFor(servername))
  }
  const server = createServer(options, socket => {
    socket.on('error', () => socket.destroy())
    // Not destroyed at once: over TLS 1.2 the last message of the handshake has yet to go out.
    socket.end(() => socket.destroy())
  })
  server.on('tlsClientError', (_cause, socket) => socket.destroy())
  return server
}
