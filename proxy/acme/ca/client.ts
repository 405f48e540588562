import { generateKeyPair } from 'node:crypto'
import { Agent } from 'node:https'
import { promisify } from 'node:util'
import { axios, Client, crypto } from 'acme-client'
import type { PemPair } from '../../tls/pem-files.ts'
import type { Directory, Order } from '../authority.ts'
import { type Problem, problemOf, type Step, type Trouble } from './problem.ts'

const timeoutMs = 30_000
const longestAnswerBytes = 1024 * 1024

export interface Challenge {
  readonly type: string
  readonly url: string
  readonly token: string
  readonly error?: unknown
}

export interface Authorization {
  readonly url: string
  readonly status: string
  readonly identifier: { readonly value: string }
  readonly challenges: readonly Challenge[]
}

export interface OpenOrder {
  readonly url: string
  readonly status: string
  readonly authorizations: readonly string[]
  readonly error?: unknown
}

type Account = Pick<Order, 'accountKey' | 'eab'>
type Heard = Pick<Trouble, 'url' | 'status' | 'problem' | 'transport' | 'retryAfter' | 'skewMs'>

const silence: Heard = { url: '', status: null, problem: null, transport: null, retryAfter: null, skewMs: null }

/**
 * An authority as acme-client speaks with it; one per process, because acme-client has one axios. It is loaded in a
 * child only: 400 ms and 31 MB that the edge would never get back.
 */
export class AuthorityClient {
  readonly #directory: Directory
  readonly #client: Client | null
  /** What was heard last: acme-client's own errors keep neither the type, nor the status, nor Retry-After. */
  #heard = silence
  #step: Step = 'directory'

  constructor(directory: Directory, account: Account | null, userAgent: string) {
    this.#directory = directory
    this.#client =
      account === null
        ? null
        : new Client({
            directoryUrl: directory.url,
            accountKey: account.accountKey,
            ...(account.eab === null ? {} : { externalAccountBinding: { ...account.eab } })
          })
    axios.defaults.timeout = timeoutMs
    axios.defaults.maxContentLength = longestAnswerBytes
    axios.defaults.headers.common['User-Agent'] = userAgent
    if (directory.ca !== null) axios.defaults.httpsAgent = new Agent({ ca: directory.ca, keepAlive: true })
    // Its own retries go with them: our schedule decides when an authority is asked again, above all after a 429.
    axios.interceptors.request.clear()
    axios.interceptors.response.clear()
    axios.interceptors.response.use(
      response => {
        this.#heard = heardOf(response.config.url ?? '', response.status, response.headers, response.data)
        return response
      },
      cause => {
        const { code, config } = cause as { code?: string; config?: { url?: string } }
        this.#heard = { ...silence, url: config?.url ?? '', transport: code ?? 'no answer', skewMs: this.#heard.skewMs }
        throw cause
      }
    )
  }

  /** What is being done from now on, for troubleOf. */
  set step(step: Step) {
    this.#step = step
  }

  /** What the last answer asked us to wait. */
  readonly retryAfter = (): string | null => this.#heard.retryAfter

  /** @throws when it is none: acme-client itself would go on with a page of HTML */
  async directory(): Promise<{ readonly renewalInfo: string | null }> {
    const { status, data } = await this.get(this.#directory.url)
    if (status !== 200) throw new Error('the directory does not answer 200')
    const { newNonce, newAccount, newOrder, renewalInfo } = (typeof data === 'object' ? data : {}) as Record<
      string,
      unknown
    >
    if (![newNonce, newAccount, newOrder].every(url => typeof url === 'string')) {
      throw new Error('what answers is no ACME directory')
    }
    return { renewalInfo: typeof renewalInfo === 'string' ? renewalInfo : null }
  }

  /** Unsigned. Any status is an answer. */
  async get(url: string): Promise<{ readonly status: number; readonly data: unknown }> {
    const { status, data } = await axios.get(url, { validateStatus: null })
    return { status, data }
  }

  /**
   * Finds the account of this key, or makes it. Asking for a new one alone would do by RFC 8555 §7.3, but acme-client
   * sends what it finds an update, which an authority may refuse for being empty.
   */
  async register(email: string | null): Promise<void> {
    const contact = email === null ? {} : { contact: [`mailto:${email}`] }
    const found = await this.#acme.createAccount({ onlyReturnExisting: true }).catch(cause => {
      const { status } = this.#heard
      if (status === null || status < 400 || status >= 429) throw cause
      return null
    })
    if (found === null) await this.#acme.createAccount({ termsOfServiceAgreed: true, ...contact })
    else if (email !== null && found.contact?.join() !== contact.contact?.join())
      await this.#acme.updateAccount(contact)
  }

  /** @param more what acme-client has no types for: `profile`, `replaces` */
  async newOrder(domains: readonly string[], more: object): Promise<OpenOrder> {
    const identifiers = domains.map(value => ({ type: 'dns', value }))
    return await this.#acme.createOrder({ identifiers, ...more })
  }

  async authorizations(order: Pick<OpenOrder, 'authorizations'>): Promise<readonly Authorization[]> {
    return await this.#acme.getAuthorizations(order as never)
  }

  /** What is shown by acme-tls/1 (RFC 8737). */
  async alpnPair(authorization: Authorization, challenge: Challenge): Promise<PemPair> {
    const proof = await this.#acme.getChallengeKeyAuthorization(challenge as never)
    const [key, cert] = await crypto.createAlpnCertificate(authorization as never, proof, await newKey('ecdsa'))
    return { key: key.toString(), cert: cert.toString() }
  }

  async complete(challenge: Challenge): Promise<void> {
    await this.#acme.completeChallenge(challenge as never)
  }

  async look(order: OpenOrder): Promise<OpenOrder> {
    return await this.#acme.getOrder(order as never)
  }

  async finalize(order: OpenOrder, domains: readonly string[], key: string): Promise<OpenOrder> {
    const [, csr] = await crypto.createCsr({ altNames: [...domains] }, key)
    return await this.#acme.finalizeOrder(order as never, csr)
  }

  /** PEM chain of a valid order. */
  async download(order: OpenOrder): Promise<string> {
    return await this.#acme.getCertificate(order as never)
  }

  /** All that is known of an error that came out of one of these calls. */
  troubleOf(cause: unknown, domains: readonly string[]): Trouble {
    const { status, url } = this.#heard
    const isRefused = status !== null && status >= 400
    const said = cause instanceof Error ? cause.message : String(cause)
    const problem = isRefused ? this.#heard.problem : null
    return { ...this.#heard, url: url || this.#directory.url, step: this.#step, domains, said, problem }
  }

  /** The same, of what an authority says about a challenge or an order inside an answer that is a 200. */
  troubleWith(problem: Problem, domains: readonly string[]): Trouble {
    return { ...this.#heard, status: null, transport: null, step: this.#step, domains, said: '', problem }
  }

  get #acme(): Client {
    if (this.#client === null) throw new TypeError('no account was given')
    return this.#client
  }
}

const generate = promisify(generateKeyPair)

/** PEM (PKCS #8) of a new key: P-256, or RSA with 2048 bits. */
export async function newKey(type: Order['keyType']): Promise<string> {
  const { privateKey } =
    type === 'ecdsa' ? await generate('ec', { namedCurve: 'P-256' }) : await generate('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

type Headers = Readonly<Record<string, unknown>>

function heardOf(url: string, status: number, headers: Headers, data: unknown): Heard {
  const word = (name: string): string | null => (typeof headers[name] === 'string' ? headers[name] : null)
  const skewMs = Date.parse(word('date') ?? '') - Date.now()
  const problem = status >= 400 ? problemOf(data) : null
  const clock = { retryAfter: word('retry-after'), skewMs: Number.isNaN(skewMs) ? null : skewMs }
  return { url, status, problem, transport: null, ...clock }
}
