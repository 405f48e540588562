import type { RawHeaders } from '../http/exchange.ts'

/**
 * What this edge says of itself in CDN-Loop (RFC 8586), on every request that it sends on. One that comes back for the
 * same upstream would go round until a limit ends it; one that an app sends back for another upstream goes on.
 */
export class LoopMark {
  readonly #id: string

  /** @param id a token in lower case that no other edge has */
  constructor(id: string) {
    this.#id = id
  }

  /** The line for a request that goes to this upstream; more of its kind before it are one list with it. */
  lineFor(upstream: string): string {
    return `cdn-loop: ${this.#id};upstream=${upstream}\r\n`
  }

  /** Whether this edge has sent the request to this upstream before. */
  isIn(headers: RawHeaders, upstream: string): boolean {
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === 'cdn-loop' && this.#isNamed(headers[i + 1]!, upstream)) return true
    }
    return false
  }

  #isNamed(value: string, upstream: string): boolean {
    return value.split(',').some(member => {
      const [id = '', ...parameters] = member.split(';').map(part => part.trim().toLowerCase())
      if (id !== this.#id) return false
      const sent = parameters.find(parameter => parameter.startsWith('upstream='))
      // Whoever passes a member on without its parameters hides where it went: once is enough then.
      return sent === undefined || sent.slice(9).replaceAll('"', '') === upstream
    })
  }
}
