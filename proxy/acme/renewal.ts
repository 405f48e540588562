import { isDeepStrictEqual } from 'node:util'
import type { ChallengeType } from '../config/config.ts'
import type { RenewalStatus } from '../control/protocol.ts'
import { checkPair, covers, type LoadedPair, type PemPair } from '../tls/pem-files.ts'
import type { Issued, Outcome, Refusal, RenewalInfo } from './authority.ts'
import {
  type Advice,
  afterFailure,
  blankRecord,
  challengesAfter,
  failuresOf,
  interrupted,
  type RenewalRecord,
  refusalOf,
  type Source
} from './disk/record.ts'
import type { CertificateStore } from './disk/store.ts'
import { type Due, dueOf } from './due.ts'

const hourMs = 3_600_000

/** The certificate that one set of domains is to have: what is stored of it, and when it is ordered next. */
export class Renewal {
  readonly domains: readonly string[]
  readonly #store: CertificateStore
  readonly #chance: () => number
  #pair: LoadedPair | null = null
  #record: RenewalRecord = blankRecord
  /** As it was when the order that runs was begun. */
  #before: RenewalRecord | null = null
  /** Issued, and not on disk because that was full. */
  #unsaved: { readonly pair: PemPair; readonly source: Source | null } | null = null
  #askedAt: Date | null = null

  /** @param chance from 0 to 1, anew at each call */
  constructor(domains: readonly string[], store: CertificateStore, chance: () => number) {
    this.domains = domains
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
    const record = await this.#store.readRecord(this.name)
    // What was asked since is not always written.
    this.#record = { ...record, advice: this.#advice ?? record.advice }
  }

  /** It is ordered at the next opportunity, whatever life is left. */
  ask(now: Date): void {
    this.#askedAt = now
  }

  /** When it is ordered, and why. @param directory that it would be ordered from */
  due(now: Date, directory: string): Due {
    const held = { leaf: this.#pair?.leaf ?? null, window: this.#advice?.window ?? null, askedAt: this.#askedAt }
    return dueOf({ ...held, record: this.#record }, now, directory)
  }

  /** Whether the authority itself has said that now is too early. */
  isLimited(now: Date): boolean {
    const { lastError, retryAt } = this.#record
    return (
      failuresOf(this.#record, now) > 0 &&
      lastError?.code === 'ACME_RATE_LIMITED' &&
      Date.parse(`${retryAt}`) > now.getTime()
    )
  }

  /** The kinds of challenge, the best first: where one has failed it is another one's turn. */
  challengesOf(types: readonly ChallengeType[]): readonly ChallengeType[] {
    return challengesAfter(this.#record, types)
  }

  /** When the authority is asked for advice next; null: there is nothing to ask about. */
  adviceAt(now: Date): Date | null {
    if (this.#pair === null) return null
    return this.#advice === null ? now : new Date(this.#advice.askAgainAt)
  }

  /** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async advise(outcome: Outcome<RenewalInfo | null>, now: Date): Promise<void> {
    if (this.#pair === null) return
    const about = this.#pair.leaf.fingerprint256
    const info = 'ok' in outcome ? outcome.ok : null
    // Unreachable is not the same as without advice: what it said last still holds.
    const window = 'ok' in outcome ? info : (this.#advice?.window ?? null)
    const askAgainMs = now.getTime() + ('ok' in outcome ? 24 : 1) * hourMs
    const advice = {
      window: window === null ? null : { start: window.start, end: window.end },
      askAgainAt: info?.askAgainAt ?? new Date(askAgainMs).toISOString(),
      about
    }
    const isNews = !isDeepStrictEqual(advice.window, this.#advice?.window ?? null)
    this.#record = { ...this.#record, advice }
    // When to ask again is not worth a write: a new process asks at once.
    if (isNews) await this.#store.writeRecord(this.name, this.#record)
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
    await this.#store.writeRecord(this.name, afterFailure(this.#record, interrupted, now, this.#chance()))
    this.#before = this.#record
  }

  /** The order has failed, or could not be begun. */
  async fail(refusal: Refusal, now: Date): Promise<void> {
    const before = this.#before ?? this.#record
    this.#before = null
    const isStopping = refusal.code === 'EDGE_STOPPING'
    this.#record = isStopping ? before : afterFailure(before, refusal, now, this.#chance())
    // The disk may be why: then it is only remembered.
    await this.#store.writeRecord(this.name, this.#record).catch(() => {})
  }

  /** Takes what was issued, or imported, if it is fit to be served. @returns what stood against it; null: it is stored */
  async take(issued: Issued, source: Source | null): Promise<Refusal | null> {
    try {
      checkPair({ domains: this.domains, cert: 'the chain', key: 'the key' }, issued)
    } catch (cause) {
      return { code: 'ACME_CERTIFICATE_UNFIT', detail: `${this.name}: ${(cause as Error).message}`, retryAt: null }
    }
    this.#unsaved = { pair: issued, source }
    return await this.save()
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
      await this.#store.writeRecord(this.name, { ...blankRecord, source })
      await this.load()
    } catch (cause) {
      return refusalOf(cause)
    }
    this.#unsaved = null
    this.#before = null
    this.#askedAt = null
    return null
  }

  status(now: Date, directory: string): RenewalStatus {
    const { at, reason } = this.due(now, directory)
    const failures = failuresOf(this.#record, now)
    const resting = failures > 0 ? 'failing' : at <= now ? 'due' : 'waiting'
    const leaf = this.#pair?.leaf
    return {
      name: this.name,
      domains: this.domains,
      state: this.#before === null ? resting : 'ordering',
      issuer: leaf?.issuer.replaceAll('\n', ', ') ?? null,
      expiresAt: leaf?.validToDate.toISOString() ?? null,
      nextAt: at.toISOString(),
      reason,
      failures,
      lastError: failures > 0 ? this.#record.lastError : null
    }
  }

  get #advice(): Advice | null {
    const { advice } = this.#record
    return advice?.about === this.#pair?.leaf.fingerprint256 ? advice : null
  }
}
