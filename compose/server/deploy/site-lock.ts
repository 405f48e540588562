import { join } from 'node:path'
import { EdgeError } from '../../../proxy/errors.ts'
import { Lease, type Holder as LeaseHolder } from '../../../proxy/state/lease.ts'
import { readDeploys } from './journal.ts'
import type { Claim, Holder } from './records.ts'

/** Without a word from the laptop for so long, the site is free for others. */
const silenceMs = 45_000

/**
 * One deploy at a time, for as long as its laptop is heard of: in this process, the agent's. A laptop that has lost the
 * line and comes back by another agent takes its own lock over by the deploy's id.
 */
export class SiteLock {
  readonly #folder: string
  readonly #now: () => Date
  #held: { readonly lease: Lease; readonly id: string } | null = null
  #silence: NodeJS.Timeout | undefined
  #turn: Promise<unknown> = Promise.resolve()

  /** @param folder FOLDER/site */
  constructor(folder: string, now: () => Date) {
    this.#folder = folder
    this.#now = now
  }

  /**
   * Takes it or keeps it, and tells others what goes on.
   * @param breaks a claim of which the laptop is known to be dead
   * @throws EdgeError DEPLOY_LOCKED with who has it; or that the deploy was ended by somebody else meanwhile
   */
  hold(claim: Claim, breaks: string | null): Promise<void> {
    return this.#inTurn(async () => {
      const about = { ...claim, pid: `${claim.pid}`, since: await this.#since(claim.id) }
      if (this.#held?.id === claim.id && (await this.#held.lease.isOurs())) {
        this.#listen()
        return this.#held.lease.tell(about)
      }
      await this.#drop()
      await this.#refuseEnded(claim)
      const isGone = (holder: LeaseHolder): boolean => [claim.id, breaks].includes(holder.about?.id ?? '')
      const lease = await Lease.take(this.#path, this.#now, { about, isGone })
      if (lease === null) throw new EdgeError('DEPLOY_LOCKED', describe(await readHolder(this.#folder, this.#now)))
      this.#held = { lease, id: claim.id }
      this.#listen()
    })
  }

  /** Of somebody else's nothing is touched. */
  free(id: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#held?.id === id) await this.#drop()
    })
  }

  /** One after the other: a laptop asks several things at once. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  #listen(): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => void this.#inTurn(() => this.#drop()), silenceMs).unref()
  }

  async #drop(): Promise<void> {
    const held = this.#held
    this.#held = null
    clearTimeout(this.#silence)
    await held?.lease.release()
  }

  /** What another laptop has finished or undone, this one must not go on with. */
  async #refuseEnded({ id }: Claim): Promise<void> {
    const end = (await readDeploys(this.#folder)).find(
      line => line.event !== 'begun' && line.id === id && line.claim !== id
    )
    if (end === undefined) return
    throw new EdgeError('DEPLOY_LOCKED', `this deploy was ended (${end.event}) by ${end.who} at ${end.at}`)
  }

  async #since(id: string): Promise<string> {
    const holder = await readHolder(this.#folder, this.#now)
    return holder?.id === id ? holder.since : this.#now().toISOString()
  }

  get #path(): string {
    return lockPath(this.#folder)
  }
}

/** @returns null when nobody has the site */
export async function readHolder(folder: string, now: () => Date): Promise<Holder | null> {
  const about = (await Lease.holder(lockPath(folder), now))?.about
  if (about === undefined) return null
  const { id = '', who = 'somebody', host = '', pid = '', verb = 'a deploy', step = '', since = '' } = about
  return { id, who, host, pid: Number(pid), verb, step, since }
}

/**
 * For changes that no laptop has ordered. @param folder the server's, FOLDER @param breaks whose lock counts for nothing
 * @throws EdgeError DEPLOY_LOCKED with who has it
 */
export async function refuseSiteHeld(folder: string, now: () => Date, breaks: string | undefined): Promise<void> {
  const holder = await readHolder(join(folder, 'site'), now)
  if (holder !== null && holder.who !== breaks) throw new EdgeError('DEPLOY_LOCKED', describe(holder))
}

function describe(holder: Holder | null): string {
  if (holder === null) return 'another laptop came first'
  return `${holder.who} has been at "${holder.verb}" since ${holder.since}; now: ${holder.step}`
}

function lockPath(folder: string): string {
  return join(folder, 'lock.json')
}
