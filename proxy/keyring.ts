import type { SecureContext } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import { ProcessAuthority } from './acme/ca/process-authority.ts'
import { Challenges } from './acme/challenges.ts'
import { CertificateStore } from './acme/disk/store.ts'
import { importAll, renew } from './acme/requests.ts'
import { Upkeep } from './acme/upkeep.ts'
import { longestSleepMs, Waker } from './acme/waker.ts'
import { warningsOf } from './certificate-warnings.ts'
import type { EdgeConfig } from './config/config.ts'
import type { CertificatesAnswer, ImportAnswer, ImportRequest, RenewAnswer, RenewRequest } from './control/protocol.ts'
import { EdgeError } from './errors.ts'
import type { Log } from './record/log.ts'
import { Certificates, type LoadOptions } from './tls/certificates.ts'

/** The local authority's leaf is made anew in time, and what expires is told of again. */
const lookMs = 12 * 3_600_000

/** What a reload would bring; nothing serves it yet. */
export interface Prepared {
  readonly config: EdgeConfig
  readonly certificates: Certificates
  readonly upkeep: Upkeep | null
}

/** The certificates that serve, and whoever keeps them up. */
export class Keyring {
  /** What the listeners answer to an authority. */
  readonly challenges = new Challenges()
  readonly #log: Log
  #held: Prepared
  /** Why there is no upkeep where one is wanted. */
  #fault: string | null = null
  #lookTimer: NodeJS.Timeout | undefined
  readonly #waker = new Waker()
  /** What a reload has replaced, until its order has ended. */
  #stopping: Promise<void> = Promise.resolve()

  private constructor(log: Log, held: Prepared) {
    this.#log = log
    this.#held = held
  }

  /** @throws EdgeError when no domain could be served */
  static async open(config: EdgeConfig, log: Log): Promise<Keyring> {
    const certificates = await load(config, log, { onFault: 'serve the rest' })
    const keyring = new Keyring(log, { config, certificates, upkeep: null })
    keyring.#held = { config, certificates, upkeep: await keyring.#tryUpkeep(config) }
    keyring.#announce()
    keyring.#tellWarnings()
    return keyring
  }

  /** From here on what is due is ordered: the listeners answer. */
  start(): void {
    this.#lookTimer = setInterval(() => void this.#look(), lookMs).unref()
    this.#wake()
  }

  async stop(): Promise<void> {
    clearInterval(this.#lookTimer)
    this.#waker.stop()
    await Promise.all([this.#stopping, this.#held.upkeep?.stop()])
  }

  /** @throws EdgeError with the faults of all files at once; then nothing has changed */
  async prepare(config: EdgeConfig): Promise<Prepared> {
    const { config: old, certificates: before, upkeep } = this.#held
    const certificates = await load(config, this.#log, { before })
    const isSame = isDeepStrictEqual([old.tls, old.domains], [config.tls, config.domains])
    return { config, certificates, upkeep: isSame ? upkeep : await this.#openUpkeep(config) }
  }

  adopt(prepared: Prepared): void {
    const { upkeep } = this.#held
    this.#held = prepared
    this.#fault = null
    this.#announce()
    this.#tellWarnings()
    // Two orders at once would close each other's challenges.
    if (upkeep !== prepared.upkeep) this.#stopping = upkeep?.stop() ?? Promise.resolve()
    void this.#stopping.then(() => this.#wake())
    // Something may have been stored since `prepare` has read it.
    if (prepared.config.tls.mode === 'acme') void this.#reread()
  }

  contextFor(servername: string): SecureContext | undefined {
    return this.#held.certificates.contextFor(servername)
  }

  get status(): CertificatesAnswer['certificates'] {
    return this.#held.certificates.status
  }

  get renewals(): CertificatesAnswer['renewals'] {
    return this.#held.upkeep?.renewals.map(renewal => renewal.status(new Date())) ?? []
  }

  get warnings(): string[] {
    const { config, certificates, upkeep } = this.#held
    const own = { thumbprint: upkeep?.thumbprint ?? null, fault: this.#fault }
    return warningsOf({ config, certificates, renewals: this.renewals, ...own }, new Date())
  }

  answer(): CertificatesAnswer {
    const { mode } = this.#held.config.tls
    const thumbprint = this.#held.upkeep?.thumbprint ?? null
    return { mode, certificates: this.status, renewals: this.renewals, thumbprint }
  }

  /** @throws EdgeError ACME_OFF, EDGE_USAGE */
  async renew(request: RenewRequest): Promise<RenewAnswer> {
    const answer = await renew(this.#needUpkeep(), request, new Date())
    this.#wake()
    return answer
  }

  /** @throws EdgeError ACME_OFF, or what is wrong with what was to be imported */
  async import(request: ImportRequest): Promise<ImportAnswer> {
    return await importAll(this.#needUpkeep(), request).finally(() => this.#reread())
  }

  #needUpkeep(): Upkeep {
    const { config, upkeep } = this.#held
    if (upkeep === null) throw new EdgeError('ACME_OFF', `tls.mode is ${config.tls.mode}`)
    return upkeep
  }

  /** What keeps orders from being made keeps nobody from being served: it is told, and tried again. */
  async #tryUpkeep(config: EdgeConfig): Promise<Upkeep | null> {
    try {
      this.#fault = null
      return await this.#openUpkeep(config)
    } catch (cause) {
      if (!(cause instanceof EdgeError)) throw cause
      this.#fault = cause.message
      return null
    }
  }

  async #openUpkeep({ tls, domains, stateFolder }: EdgeConfig): Promise<Upkeep | null> {
    if (tls.mode !== 'acme') return null
    return await Upkeep.open(tls, domains, {
      store: new CertificateStore(stateFolder),
      authority: new ProcessAuthority(),
      challenges: this.challenges,
      now: () => new Date(),
      chance: Math.random,
      tell: (level, message, fields) => this.#log[level](message, fields),
      onStored: () => this.#reread()
    })
  }

  #announce(): void {
    const { config, upkeep } = this.#held
    this.challenges.thumbprint = upkeep?.thumbprint ?? null
    this.challenges.peerThumbprint = config.peerThumbprint
  }

  #wake(): void {
    const { upkeep, config } = this.#held
    if (upkeep !== null) this.#waker.wake(upkeep)
    else if (config.tls.mode === 'acme') this.#waker.later(() => void this.#retry(), longestSleepMs)
  }

  async #retry(): Promise<void> {
    const { config } = this.#held
    const upkeep = await this.#tryUpkeep(config)
    if (config !== this.#held.config) return
    this.#held = { ...this.#held, upkeep }
    this.#announce()
    this.#wake()
  }

  async #look(): Promise<void> {
    // In files mode that is for the operator to say.
    if (this.#held.config.tls.mode !== 'files') await this.#reread()
    this.#tellWarnings()
  }

  /** What is on disk has changed: the next handshake sees it, and no listener is touched. */
  async #reread(): Promise<void> {
    const { config } = this.#held
    try {
      const certificates = await load(config, this.#log, { before: this.#held.certificates })
      // Else a reload came in between, and has loaded its own.
      if (config === this.#held.config) this.#held = { ...this.#held, certificates }
    } catch (error) {
      this.#log.warn('certificates were not read anew; those at hand go on serving', { error: String(error) })
    }
  }

  #tellWarnings(): void {
    for (const warning of this.warnings) this.#log.warn(warning)
  }
}

function load(config: EdgeConfig, log: Log, options: LoadOptions): Promise<Certificates> {
  return Certificates.load(config, new Date(), message => log.warn(message), options)
}
