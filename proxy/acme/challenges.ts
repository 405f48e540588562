import { createSecureContext, type SecureContext } from 'node:tls'
import type { OpenChallenges } from './authority.ts'

/** RFC 8555 §8.3: base64url, 128 bits of it at least. */
const TOKEN = /^[A-Za-z0-9_-]{22,128}$/

/** What the two listeners answer when an authority looks whether a domain is ours. */
export class Challenges implements OpenChallenges {
  readonly #tokens = new Set<string>()
  readonly #contexts = new Map<string, SecureContext>()
  /** Of our own account key; null while there is none. */
  thumbprint: string | null = null
  /** Of the other edge's, as configured; null: what was heard counts. */
  peerThumbprint: string | null = null
  /** The same, as the other edge told it over the link. */
  heardThumbprint: string | null = null

  openHttp(token: string): void {
    this.#tokens.add(token)
  }

  openAlpn(domain: string, pair: { readonly cert: string; readonly key: string }): void {
    this.#contexts.set(domain, createSecureContext({ cert: pair.cert, key: pair.key }))
  }

  closeAll(): void {
    this.#tokens.clear()
    this.#contexts.clear()
  }

  /**
   * The key authorization for a token (RFC 8555 §8.1), with no record of which tokens there are: a token that is not
   * of our open order is the peer's, whose account answers the same way here as there. It proves nothing to who does
   * not hold the account key, so anybody may ask.
   * @returns null when there is nothing to answer
   */
  answerTo(token: string): string | null {
    if (!TOKEN.test(token)) return null
    const peers = this.peerThumbprint ?? this.heardThumbprint
    const thumbprint = this.#tokens.has(token) ? this.thumbprint : (peers ?? this.thumbprint)
    return thumbprint === null ? null : `${token}.${thumbprint}`
  }

  /** Whether a connection may be an authority's, so that its ClientHello is worth a look. */
  get isAlpnOpen(): boolean {
    return this.#contexts.size > 0
  }

  /** @returns undefined when no such challenge is open for this name */
  alpnContextFor(servername: string): SecureContext | undefined {
    return this.#contexts.get(servername.toLowerCase())
  }
}
