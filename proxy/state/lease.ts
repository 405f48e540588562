import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createStateFile, readStateFile, writeStateFile } from './state-file.ts'

/** How long a lease outlives a process that was killed. */
const leaseMs = 30_000

export interface Holder {
  readonly token: string
  readonly pid: number
  /** Milliseconds since 1970. */
  readonly until: number
  /** What its holder has written beside that, for whoever finds it taken. */
  readonly about?: Readonly<Record<string, string>>
}

export interface LeaseTerms {
  readonly about?: Readonly<Record<string, string>>
  /** Whether a holder is known not to come back, so that its lease need not lapse first. */
  isGone?(holder: Holder): boolean
}

/**
 * Two edges on one state folder, as when one takes over from the other, do not order the same thing twice: who holds
 * the file may order. It is renewed while its holder lives, and lapses half a minute after its last renewal.
 */
export class Lease {
  readonly #path: string
  readonly #token: string
  readonly #now: () => Date
  #about: LeaseTerms['about']
  readonly #timer: NodeJS.Timeout
  #prolonging: Promise<void> = Promise.resolve()

  private constructor(path: string, token: string, now: () => Date, about: LeaseTerms['about']) {
    this.#path = path
    this.#token = token
    this.#now = now
    this.#about = about
    this.#timer = setInterval(() => {
      this.#prolonging = this.#prolong().catch(() => {})
    }, leaseMs / 3).unref()
  }

  /**
   * @returns null when another process holds it
   * @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  static async take(path: string, now: () => Date, { about, isGone }: LeaseTerms = {}): Promise<Lease | null> {
    const token = randomUUID()
    const text = textOf(token, now(), about)
    const isFree = (holder: Holder | null): boolean =>
      !isHeld(holder, now()) || (holder !== null && isGone?.(holder) === true)
    const isTaken = (await createStateFile(path, text, 0o600)) || (await replaceLapsed(path, text, isFree))
    return isTaken ? new Lease(path, token, now, about) : null
  }

  /** @returns null when nobody holds it */
  static async holder(path: string, now: () => Date): Promise<Holder | null> {
    const holder = await readHolder(path)
    return isHeld(holder, now()) ? holder : null
  }

  /** Whether it has not passed to another while this process was busy or asleep. */
  async isOurs(): Promise<boolean> {
    return (await readHolder(this.#path))?.token === this.#token
  }

  /** Writes something else beside it, for whoever finds it taken. */
  async tell(about: NonNullable<LeaseTerms['about']>): Promise<void> {
    this.#about = about
    this.#prolonging = this.#prolonging.then(() => this.#prolong().catch(() => {}))
    await this.#prolonging
  }

  async release(): Promise<void> {
    clearInterval(this.#timer)
    // Else it would be written anew behind our back.
    await this.#prolonging
    const holder = await readHolder(this.#path).catch(() => null)
    if (holder?.token === this.#token) await rm(this.#path, { force: true })
  }

  async #prolong(): Promise<void> {
    const holder = await readHolder(this.#path)
    // Lapsed while this process slept, and taken by another: it is theirs now.
    if (holder?.token === this.#token)
      await writeStateFile(this.#path, textOf(this.#token, this.#now(), this.#about), 0o600)
  }
}

/**
 * Puts ours in the place of one that has lapsed. Who does so is decided by a second name, made of the lapsed one's
 * token: among those who all saw it lapse only one can have that, and looks again once it has.
 */
async function replaceLapsed(path: string, text: string, isFree: (holder: Holder | null) => boolean): Promise<boolean> {
  const seen = await readHolder(path)
  if (!isFree(seen)) return false
  const turn = `${path}.after-${seen?.token ?? 'none'}`
  if (!(await createStateFile(turn, text, 0o600))) {
    // Left behind by one that was killed right here: out of the way for the next try.
    if (isFree(await readHolder(turn))) await rm(turn, { force: true })
    return false
  }
  try {
    const still = await readHolder(path)
    if (still?.token !== seen?.token) return false
    await writeStateFile(path, text, 0o600)
    return true
  } finally {
    await rm(turn, { force: true })
  }
}

/** One from further ahead than any lease was written by a clock that has been set back since, by more than a little. */
function isHeld(holder: Holder | null, now: Date): boolean {
  return holder !== null && holder.until > now.getTime() && holder.until <= now.getTime() + 2 * leaseMs
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    return JSON.parse((await readStateFile(path)) ?? 'null') as Holder | null
  } catch (cause) {
    if (cause instanceof SyntaxError) return null
    throw cause
  }
}

function textOf(token: string, now: Date, about: LeaseTerms['about']): string {
  const holder: Holder = { token, pid: process.pid, until: now.getTime() + leaseMs, ...(about && { about }) }
  return `${JSON.stringify(holder)}\n`
}
