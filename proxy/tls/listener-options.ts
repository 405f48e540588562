import { constants } from 'node:crypto'
import { createSecureContext, type TlsOptions } from 'node:tls'
import type { Certificates } from './certificates.ts'
import { TicketKeys } from './ticket-keys.ts'

/** Forward secrecy and authenticated encryption only; those of TLS 1.3 first. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305'
].join(':')

/** The first is safe from the quantum computers of later years; an OpenSSL before 3.5 does not have it. */
export const groups = ['X25519MLKEM768', 'X25519', 'P-256', 'P-384'].filter(isGroupKnown).join(':')

/** The process's own: a ticket outlives a reload and works on every listener, but not after a restart. */
const processKeys = new TicketKeys()

/**
 * TLS for a listener, h1 and h2 alike. It has no certificate of its own: a client that names no domain of ours, or
 * names none at all, gets a handshake_failure alert and learns nothing. All else is set here, because Node takes
 * nothing from the context that SNI chose but its certificate, chain and key. The listener must destroy the socket
 * that `tlsClientError` hands it: Node only tells of a handshake that is late, and leaves its connection open.
 * @param certificates asked anew for each handshake, so that a reload is seen by the next one
 * @param handshakeMs from the accepted connection to the end of the handshake
 */
export function tlsOptions(
  certificates: () => Pick<Certificates, 'contextFor'>,
  handshakeMs: number,
  ticketKeys = processKeys
): TlsOptions {
  return {
    minVersion: 'TLSv1.2',
    ciphers,
    honorCipherOrder: true,
    ecdhCurve: groups,
    // A phone without AES in hardware puts ChaCha20 first, and gets it.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA,
    // The last as nginx offers it: curl --http1.0 is refused at the handshake without it.
    ALPNProtocols: ['h2', 'http/1.1', 'http/1.0'],
    handshakeTimeout: handshakeMs,
    sessionTimeout: 3600, // seconds
    ticketKeys: ticketKeys.current,
    // A throw in here ends this handshake and nothing else: Node catches it, and a test holds it to that.
    SNICallback: (servername, done) => done(null, certificates().contextFor(servername))
  }
}

function isGroupKnown(name: string): boolean {
  try {
    createSecureContext({ ecdhCurve: name })
    return true
  } catch {
    return false
  }
}
