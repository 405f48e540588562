import type { SecureContext } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import { ProcessAuthority } from './acme/ca/process-authority.ts'
import { Challenges } from './acme/challenges.ts'
import { CertificateStore } from './acme/disk/store.ts'
import { importAll, renew } from './acme/requests.ts'
import { Upkeep } from './acme/upkeep.ts'
import type { EdgeConfig } from './config/config.ts'
import type {
  CertificateStatus,
  CertificatesAnswer,
  ImportAnswer,
  ImportRequest,
  RenewAnswer,
  RenewalStatus,
  RenewRequest
} from './control/protocol.ts'
import { EdgeError } from './errors.ts'
import type { Log } from './record/log.ts'
import { Certificates } from './tls/certificates.ts'

/** The local authority's leaf is made anew in time, and what expires is told of again. */
const lookMs = 12 * 3_600_000
/** However far away the next renewal is: a clock that is set does not delay it by more. */
const longestMs = 60_000

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
  #lookTimer: NodeJS.Timeout | undefined
  #upkeepTimer: NodeJS.Timeout | undefined

  private constructor(log: Log, held: Prepared) {
    this.#log = log
    this.#held = held
  }

  /** @throws EdgeError when no domain could be served */
  static async open(config: EdgeConfig, log: Log): Promise<Keyring> {
    const certificates = await Certificates.load(config, new Date(), message => log.warn(message), 'serve the rest')
    const keyring = new Keyring(log, { config, certificates, upkeep: null })
    keyring.#held = { config, certificates, upkeep: await keyring.#openUpkeep(config) }
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
    clearTimeout(this.#upkeepTimer)
    await this.#held.upkeep?.stop()
  }

  /** @throws EdgeError with the faults of all files at once; then nothing has changed */
  async prepare(config: EdgeConfig): Promise<Prepared> {
    const certificates = await Certificates.load(config, new Date(), message => this.#log.warn(message))
    const { config: before, upkeep } = this.#held
    const isSame = isDeepStrictEqual([before.tls, before.domains], [config.tls, config.domains])
    return { config, certificates, upkeep: isSame ? upkeep : await this.#openUpkeep(config) }
  }

  adopt(prepared: Prepared): void {
    const { upkeep } = this.#held
    this.#held = prepared
    this.#announce()
    this.#tellWarnings()
    // Two orders at once would close each other's challenges.
    const isReplaced = upkeep !== null && upkeep !== prepared.upkeep
    void (isReplaced ? upkeep.stop() : Promise.resolve()).then(() => this.#wake())
  }

  contextFor(servername: string): SecureContext | undefined {
    return this.#held.certificates.contextFor(servername)
  }

  get status(): readonly CertificateStatus[] {
    return this.#held.certificates.status
  }

  get renewals(): readonly RenewalStatus[] {
    const { upkeep } = this.#held
    return upkeep === null ? [] : upkeep.renewals.map(renewal => renewal.status(new Date(), upkeep.config.directory))
  }

  get warnings(): string[] {
    const now = new Date()
    const failing = this.renewals.filter(({ failures }) => failures > 0)
    return [...this.#held.certificates.warningsAt(now), ...failing.map(renewal => warningOf(renewal, now))]
  }

  answer(): CertificatesAnswer {
    const { config, upkeep } = this.#held
    const { status: certificates, renewals } = this
    return { mode: config.tls.mode, certificates, renewals, thumbprint: upkeep?.thumbprint ?? null }
  }

  /** @throws EdgeError ACME_OFF, EDGE_USAGE */
  async renew(request: RenewRequest): Promise<RenewAnswer> {
    const answer = await renew(this.#needUpkeep(), request, new Date())
    this.#wake()
    return answer
  }

  /** @throws EdgeError ACME_OFF, or what is wrong with what was to be imported */
  async import(request: ImportRequest): Promise<ImportAnswer> {
    const answer = await importAll(this.#needUpkeep(), request)
    await this.#reread()
    return answer
  }

  #needUpkeep(): Upkeep {
    const { config, upkeep } = this.#held
    if (upkeep === null) throw new EdgeError('ACME_OFF', `tls.mode is ${config.tls.mode}`)
    return upkeep
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

  /** Does what is due, then sleeps until something is. */
  #wake(): void {
    clearTimeout(this.#upkeepTimer)
    const { upkeep } = this.#held
    if (upkeep === null || upkeep.isStopped) return
    void upkeep.runDue().then(() => {
      if (this.#held.upkeep !== upkeep || upkeep.isStopped) return
      const inMs = Math.min(Math.max(upkeep.nextAt().getTime() - Date.now(), 1_000), longestMs)
      clearTimeout(this.#upkeepTimer)
      this.#upkeepTimer = setTimeout(() => this.#wake(), inMs).unref()
    })
  }

  async #look(): Promise<void> {
    if (this.#held.config.tls.mode === 'local') await this.#reread()
    this.#tellWarnings()
  }

  /** What is on disk has changed: the next handshake sees it, and no listener is touched. */
  async #reread(): Promise<void> {
    const { config } = this.#held
    try {
      const certificates = await Certificates.load(config, new Date(), message => this.#log.warn(message))
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

function warningOf({ name, expiresAt, failures, lastError, nextAt }: RenewalStatus, now: Date): string {
  const days = Math.floor((Date.parse(`${expiresAt}`) - now.getTime()) / 86_400_000)
  const left = expiresAt === null ? 'no certificate yet, the local one serves' : `${days} days left`
  const tries = failures === 1 ? 'a try has failed' : `${failures} tries have failed`
  return `${name}: ${left}; ${tries}, the next at ${nextAt}: ${lastError?.code}: ${lastError?.detail}`
}
