import type { AcmeConfig } from '../config/config.ts'
import { Lease } from '../state/lease.ts'
import type { Authority, Issued, Outcome, Refusal, RenewalInfo } from './authority.ts'
import type { Challenges } from './challenges.ts'
import { groupsOf, interrupted, refusalOf, type Source } from './disk/record.ts'
import { readSecrets } from './disk/secrets.ts'
import { type CertificateStore, thumbprintOf } from './disk/store.ts'
import { clockFault } from './due.ts'
import { Renewal } from './renewal.ts'

const hourMs = 3_600_000
/** While another process orders. */
const heldMs = 10_000

export interface UpkeepOptions {
  readonly store: CertificateStore
  readonly authority: Authority
  readonly challenges: Challenges
  now(): Date
  /** From 0 to 1, anew at each call. */
  chance(): number
  tell(level: 'info' | 'warn', message: string, fields: Record<string, unknown>): void
  /** What is stored has changed: from now on it is to be served. */
  onStored(): Promise<void>
}

/** Keeps up every certificate of one configuration: one order at a time, and none that stops another. */
export class Upkeep {
  readonly config: AcmeConfig
  readonly renewals: readonly Renewal[]
  readonly thumbprint: string
  readonly #options: UpkeepOptions
  readonly #accountKey: string
  #heldUntil = 0
  #last: Promise<unknown> = Promise.resolve()
  #isStopped = false

  private constructor(config: AcmeConfig, renewals: readonly Renewal[], accountKey: string, options: UpkeepOptions) {
    this.config = config
    this.renewals = renewals
    this.#accountKey = accountKey
    this.#options = options
    this.thumbprint = thumbprintOf(accountKey)
  }

  /** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  static async open(config: AcmeConfig, domains: readonly string[], options: UpkeepOptions): Promise<Upkeep> {
    const { store, chance, now, tell } = options
    await store.sweep(now())
    const accountKey = await store.accountKey(now(), message => tell('warn', message, {}))
    const renewals = groupsOf(config, domains).map(group => new Renewal(group, config, store, chance))
    // What cannot be read of one is its own failure, told when it is its turn.
    for (const renewal of renewals) await renewal.load().catch(cause => renewal.fail(refusalOf(cause), now()))
    return new Upkeep(config, renewals, accountKey, options)
  }

  /** The next moment at which there is something to do. */
  nextAt(): Date {
    const now = this.#options.now()
    const moments = this.renewals.flatMap(renewal => [renewal.due(now).at, renewal.adviceAt(now)])
    const nextMs = Math.min(...moments.filter(moment => moment !== null).map(moment => moment.getTime()))
    return new Date(this.#isHeld(now) ? Math.max(nextMs, this.#heldUntil) : nextMs)
  }

  /** Does all that is due. Never throws: what goes wrong with one certificate is noted there, and the others go on. */
  runDue(): Promise<void> {
    return this.inTurn(async () => {
      const { store, now, tell } = this.#options
      if (this.#isStopped) return
      await store.keepAccountKey(this.#accountKey).catch(cause => tell('warn', `${cause}`, {}))
      for (const renewal of this.renewals) {
        if (this.#isStopped || this.#isHeld(now())) return
        await this.#look(renewal).catch(cause => this.#fail(renewal, refusalOf(cause)))
      }
    })
  }

  /** One thing after another: the challenges that are open belong to one order. */
  readonly inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const done = this.#last.then(task)
    this.#last = done.catch(() => {})
    return done
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Ends what is under way; what was issued until now is stored. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#options.authority.stop()
    await this.#last
  }

  /** An order for what a renewal is to have, from this directory. @returns TLS_FILE_UNREADABLE when a file of the configuration is not there */
  async order(renewal: Renewal, url: string, replaces: string | null): Promise<Outcome<Issued>> {
    const { config } = this
    const { domains } = renewal
    const { email, profile, keyType } = config
    const challenges = renewal.challenges(this.#options.now())
    // Another upkeep may be at work by now, and the challenges that are open are its.
    if (this.#isStopped)
      return { refused: { ...interrupted, detail: 'the edge stops, or has other certificates to keep up' } }
    try {
      const { directoryCa: ca, eab } = await readSecrets(config)
      const account = { accountKey: this.#accountKey, email, eab }
      const order = { directory: { url, ca }, ...account, domains, profile, keyType, challenges, replaces }
      return await this.#options.authority.order(order, this.#options.challenges)
    } catch (cause) {
      return { refused: refusalOf(cause) }
    }
  }

  /** Whether another process orders; one that held from the far future did so under a clock that has been set back. */
  #isHeld(now: Date): boolean {
    return this.#heldUntil > now.getTime() && this.#heldUntil <= now.getTime() + heldMs
  }

  get #source(): Source {
    return { directory: this.config.directory, thumbprint: this.thumbprint }
  }

  async #look(renewal: Renewal): Promise<void> {
    const { now } = this.#options
    // Another process, or an operator, may have changed it since.
    if (!renewal.isUnsaved) await this.#read(renewal)
    const adviceAt = renewal.adviceAt(now())
    if (adviceAt !== null && adviceAt <= now() && renewal.pair !== null) await this.#advise(renewal, renewal.pair.cert)
    if (!this.#isStopped && renewal.due(now()).at <= now()) await this.#renew(renewal)
  }

  async #read(renewal: Renewal): Promise<void> {
    const before = renewal.pair?.leaf.fingerprint256
    await renewal.load()
    if (renewal.pair?.leaf.fingerprint256 !== before) await this.#options.onStored()
  }

  /** What goes wrong here is no failure of the certificate: it is due by its age, if not by advice. */
  async #advise(renewal: Renewal, cert: string): Promise<void> {
    const { now, authority, tell } = this.#options
    const ask = async (): Promise<Outcome<RenewalInfo | null>> => {
      const { directoryCa: ca } = await readSecrets(this.config)
      return await authority.renewalInfo({ url: this.config.directory, ca }, cert)
    }
    const advice = await ask().catch(cause => ({ refused: refusalOf(cause) }))
    const isNews = await renewal.advise(advice, now()).catch(cause => void tell('warn', `not noted: ${cause}`, {}))
    const url = 'ok' in advice ? advice.ok?.explanationUrl : null
    // RFC 9773 §4.2: why it is advised is for people to read.
    if (url && isNews) tell('info', 'renewal is advised', { domains: renewal.domains, url })
  }

  async #renew(renewal: Renewal): Promise<void> {
    const { now, store } = this.#options
    const lease = await Lease.take(store.leasePath, now)
    if (lease === null) {
      this.#heldUntil = now().getTime() + heldMs
      return
    }
    try {
      // Another process may have renewed it since.
      if (!renewal.isUnsaved) await this.#read(renewal)
      if (renewal.due(now()).at > now()) return
      const refusal = renewal.isUnsaved ? await renewal.save() : await this.#orderFor(renewal)
      if (refusal !== null) return await this.#fail(renewal, refusal)
      await this.#stored(renewal)
    } finally {
      await lease.release()
    }
  }

  async #orderFor(renewal: Renewal): Promise<Refusal | null> {
    const { now } = this.#options
    await renewal.begin(now())
    const outcome = await this.order(renewal, this.config.directory, renewal.replacedFor(this.#source))
    return 'refused' in outcome ? outcome.refused : await renewal.take(outcome.ok, this.#source)
  }

  async #stored(renewal: Renewal): Promise<void> {
    const { tell, onStored, now } = this.#options
    const { name, domains, pair } = renewal
    await onStored()
    tell('info', 'certificate issued', { domains, until: pair?.leaf.validToDate.toISOString() ?? null })
    const detail = pair === null ? null : clockFault(pair.leaf, now())
    if (detail !== null)
      await this.#fail(renewal, { code: 'ACME_CLOCK_WRONG', detail: `${name}: ${detail}`, retryAt: null })
  }

  async #fail(renewal: Renewal, refusal: Refusal): Promise<void> {
    const { now, tell } = this.#options
    await renewal.fail(refusal, now())
    if (refusal.code === 'EDGE_STOPPING') return
    const { domains, nextAt: again, failures, lastError, expiresAt } = renewal.status(now())
    const days = expiresAt && Math.floor((Date.parse(expiresAt) - now().getTime()) / (24 * hourMs))
    const { code, detail } = refusal
    const told = { domains, days, code, detail, next: lastError?.next, failures, again }
    tell('warn', 'certificate not renewed', told)
  }
}
