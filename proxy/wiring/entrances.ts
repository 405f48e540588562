import type { EdgeConfig } from '../config/config.ts'
import type { Deadlines } from '../deadlines.ts'
import type { EdgeError } from '../errors.ts'
import { FromClient } from '../forward/arrival/client.ts'
import { fromPeer } from '../forward/arrival/peer.ts'
import { rehearse } from '../forward/arrival/rehearsal.ts'
import { Forwarder, type ForwarderContext } from '../forward/forwarder.ts'
import type { Site } from '../forward/site.ts'
import type { Exchange } from '../http/exchange.ts'
import { firstValue } from '../http/fields.ts'
import { requestIds } from '../http/request-id.ts'
import type { Keyring } from '../keyring.ts'
import { answerPeer, type Questions } from '../link/desk/desk.ts'
import type { Line } from '../link/line/line.ts'
import type { Link } from '../link/link.ts'
import type { Admission } from '../listener/admission.ts'
import type { Handler } from '../listener/context.ts'
import { type Change, Front } from '../listener/front.ts'
import { LineConnections } from '../listener/h1/lines.ts'
import { Redirect } from '../listener/redirect.ts'
import { tlsOptions } from '../tls/listener-options.ts'
import { UPSTREAM_FIELD } from '../upstream/peer.ts'

/** What those who answer need. */
export interface EntranceOptions extends ForwarderContext {
  readonly keyring: Keyring
  readonly admission: Admission
  readonly link: Link
  /** What the other edge may ask for itself. */
  readonly questions: Questions
  isTrusted(address: string): boolean
}

/** Every way in, and who answers there: clients at the ports, the other edge on its lines. */
export class Entrances {
  readonly front: Front
  readonly #lines: LineConnections
  readonly #link: Link
  readonly #site: () => Site
  readonly #deadlines: Deadlines
  readonly #forPeer: Forwarder
  readonly #questions: Questions

  constructor(options: EntranceOptions) {
    const { keyring, admission, site, record, deadlines, isTrusted } = options
    const shared = { deadlines, limits: () => site().config.limits, nextId: requestIds(), isTrusted }
    const config = (): EdgeConfig => site().config
    const httpsPort = (): number => this.front.ports('https')[0] ?? 0
    const { challenges } = keyring
    this.front = new Front({
      http: { ...shared, handler: new Redirect(config, httpsPort, record, token => challenges.answerTo(token)) },
      https: { ...shared, handler: new Forwarder(new FromClient(deadlines), options) },
      challenges,
      tls: handshakeMs => tlsOptions(() => keyring, handshakeMs),
      admission
    })
    this.#lines = new LineConnections(shared)
    this.#forPeer = new Forwarder(fromPeer, options)
    this.#questions = options.questions
    this.#link = options.link
    this.#site = site
    this.#deadlines = deadlines
  }

  /** Binds what `config` wants and is not there yet. @throws EdgeError when one cannot be bound; then none is */
  async open(config: EdgeConfig): Promise<Change> {
    const link = await this.#link.prepare(config.link)
    const front = await this.front.open(config).catch(error => {
      link.drop()
      throw error
    })
    const both = [link, front]
    return {
      keep: () => {
        for (const change of both) change.keep()
      },
      drop: () => {
        for (const change of both) change.drop()
      }
    }
  }

  /** As `Front.stop()`; requests of the other edge have the same time. */
  async stop(graceMs: number, onLate: () => void): Promise<void> {
    // Else its lines would take requests that nobody answers any more.
    this.#link.leave()
    await Promise.all([this.front.stop(graceMs, onLate), this.#lines.stop(graceMs)])
    await this.#link.stop()
  }

  /** The way to the other server is open: it is tried before users do. @returns what did not come back well */
  rehearse(): Promise<EdgeError[]> {
    return rehearse(this.#site(), this.#deadlines)
  }

  /** Requests of the other edge's users go to the upstream that it names; those without a name are its own. */
  takeLine(line: Line): void {
    const handler: Handler = {
      handle: exchange => {
        const isOfUser = firstValue(exchange.head.headers, UPSTREAM_FIELD) !== undefined
        if (isOfUser) this.#forPeer.handle(exchange)
        else void this.#answer(exchange, line)
      },
      refuse: (exchange, failure) => this.#forPeer.refuse(exchange, failure)
    }
    this.#lines.take(line, 'peer', handler)
  }

  /** What was refused is told here: the other edge hears a status alone. */
  async #answer(exchange: Exchange, line: Line): Promise<void> {
    const failure = await answerPeer(exchange, line.wire?.fingerprint ?? '', this.#questions)
    if (failure !== null) this.#link.state.tellFault(failure)
  }
}
