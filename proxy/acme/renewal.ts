import { isDeepStrictEqual } from 'node:util'
import type { AcmeConfig, ChallengeType } from '../config/config.ts'
import type { RenewalStatus } from '../control/protocol.ts'
import { checkPair, covers, type LoadedPair, type PemPair } from '../tls/pem-files.ts'
import type { Issued, Outcome, Refusal, RenewalInfo } from './authority.ts'
import {
  type Advice,
  afterFailure,
  blankRecord,
  challengesAfter,
  interrupted,
  type RenewalRecord,
  recordFor,
  refusalOf,
  type Source,
  type Subject,
  subjectOf
} from './disk/record.ts'
import type { CertificateStore } from './disk/store.ts'
import { adviceAfter, type Due, dueOf, statusOf } from './due.ts'

const dayMs = 86_400_000

/** The certificate that one set of domains is to have: what is stored of it, and when it is ordered next. */
export class Renewal {
  readonly domains: readonly string[]
  readonly #config: AcmeConfig
  readonly #subject: Subject
  readonly #store: CertificateStore
  readonly #chance: () => number
  #pair: LoadedPair | null = null
  #record: RenewalRecord = blankRecord
  /** As it was when the order that runs was begun. */
  #before: RenewalRecord | null = null
  /** Issued, and not on disk because that was full. */
  #unsaved: { readonly pair: PemPair; readonly source: Source | null } | null = null
  #askedAt: Date | null = null
  /** What is remembered could not be written: what is on disk is older. */
  #isUnwritten = false

  /** @param chance from 0 to 1, anew at each call */
  constructor(domains: readonly string[], config: AcmeConfig, store: CertificateStore, chance: () => number) {
    this.domains = domains
    this.#config = config
    this.#subject = subjectOf(config, domains)
    this.#store = store
    this.#chance = chance
  }

  get name(): string {
    return this.domains[0] ?? ''
  }

  /** What is stored, as long as it is good for all the domains. */
  get pair(): LoadedPair | null {
    return this.#pair
  }

  /** Reads what is on disk: also what another process put there. @throws EdgeError EDGE_STATE_UNWRITABLE */
  async load(): Promise<void> {
    const stored = await this.#store.read(this.name)
    this.#pair = stored !== null && this.domains.every(domain => covers(stored.leaf, domain)) ? stored : null
    const record = this.#isUnwritten ? this.#record : await this.#store.readRecord(this.name)
    // What was asked since is not always written.
    this.#record = { ...record, advice: this.#advice ?? record.advice }
  }

  /** It is ordered at the next opportunity, whatever life is left. */
  ask(now: Date): void {
    this.#askedAt = now
  }

  /** When it is ordered, and why. */
  due(now: Date): Due {
    const held = { leaf: this.#pair?.leaf ?? null, window: this.#advice?.window ?? null, askedAt: this.#askedAt }
    return dueOf({ ...held, record: this.#recordAt(now), directory: this.#config.directory }, now)
  }

  /** Whether the authority itself has said that now is too early. */
  isLimited(now: Date): boolean {
    const { lastError, retryAt } = this.#recordAt(now)
    return lastError?.code === 'ACME_RATE_LIMITED' && Date.parse(`${retryAt}`) > now.getTime()
  }

  /** The kinds of challenge, the best first: where a port is closed it is another one's turn. */
  challenges(now: Date): readonly ChallengeType[] {
    return challengesAfter(this.#askedAt === null ? this.#recordAt(now) : blankRecord, this.#config.challenges)
  }

  /** When the authority is asked for advice next; null: there is nothing to ask about. */
  adviceAt(now: Date): Date | null {
    // RFC 9773 §4.3: nobody is asked about one that has ended.
    if (this.#pair === null || this.#pair.leaf.validToDate <= now) return null
    if (this.#advice === null) return now
    // Not later than a day from now, whatever the clock has said before.
    return new Date(Math.min(Date.parse(this.#advice.askAgainAt), now.getTime() + dayMs))
  }

  /** @returns whether it is another advice than before @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async advise(outcome: Outcome<RenewalInfo | null>, now: Date): Promise<boolean> {
    if (this.#pair === null) return false
    const advice = adviceAfter(this.#advice, outcome, this.#pair.leaf.fingerprint256, now)
    const isNews = !isDeepStrictEqual(advice.window, this.#advice?.window ?? null)
    this.#record = { ...this.#record, advice }
    // When to ask again is not worth a write.
    if (isNews) await this.#write(this.#record)
    return isNews
  }

  /** What a new order replaces (RFC 9773 §5); null: nothing, or something that the same account did not order. */
  replacedFor({ directory, thumbprint }: Source): string | null {
    const { source } = this.#record
    const isSame = source?.directory === directory && source.thumbprint === thumbprint
    return isSame ? (this.#pair?.cert ?? null) : null
  }

  /**
   * Notes a failure before the order is begun: whatever ends this process in its middle, the next one does not order
   * again at once, and a disk that is full is seen before the authority has counted anything.
   * @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  async begin(now: Date): Promise<void> {
    const before = this.#recordAt(now)
    await this.#write(this.#after(before, interrupted, now))
    this.#before = before
  }

  /** The order has failed, or could not be begun. */
  async fail(refusal: Refusal, now: Date): Promise<void> {
    const before = this.#before ?? this.#recordAt(now)
    this.#before = null
    const isStopping = refusal.code === 'EDGE_STOPPING'
    this.#record = isStopping ? before : this.#after(before, refusal, now)
    // The disk may be why.
    this.#isUnwritten = true
    await this.#write(this.#record).catch(() => {})
  }

  /** Takes what was issued, or imported, if it is fit to be served. @returns what stood against it; null: it is stored */
  async take(issued: Issued, source: Source | null): Promise<Refusal | null> {
    try {
      checkPair({ domains: this.domains, cert: 'the chain', key: 'the key' }, issued)
    } catch (cause) {
      return { code: 'ACME_CERTIFICATE_UNFIT', detail: `${this.name}: ${(cause as Error).message}`, retryAt: null }
    }
    this.#unsaved = { pair: issued, source }
    const refusal = await this.save()
    // Of an import the operator is told, and imports again.
    if (source === null) this.#unsaved = null
    return refusal
  }

  /** Whether a certificate waits for room on the disk: then nothing is ordered. */
  get isUnsaved(): boolean {
    return this.#unsaved !== null
  }

  async save(): Promise<Refusal | null> {
    if (this.#unsaved === null) return null
    const { pair, source } = this.#unsaved
    try {
      await this.#store.write(this.name, pair)
      await this.#write({ ...blankRecord, source })
      await this.load()
    } catch (cause) {
      return refusalOf(cause)
    }
    this.#unsaved = null
    this.#before = null
    this.#askedAt = null
    return null
  }

  status(now: Date): RenewalStatus {
    const { name, domains } = this
    const due = this.due(now)
    const leaf = this.#pair?.leaf ?? null
    return statusOf({ name, domains, leaf, due, isOrdering: this.#before !== null, record: this.#recordAt(now) }, now)
  }

  #after(record: RenewalRecord, refusal: Refusal, now: Date): RenewalRecord {
    return { ...afterFailure(record, refusal, now, this.#chance()), about: this.#subject }
  }

  async #write(record: RenewalRecord): Promise<void> {
    await this.#store.writeRecord(this.name, record)
    this.#isUnwritten = false
  }

  #recordAt(now: Date): RenewalRecord {
    return recordFor(this.#record, this.#subject, now)
  }

  get #advice(): Advice | null {
    const { advice } = this.#record
    return advice?.about === this.#pair?.leaf.fingerprint256 ? advice : null
  }
}
