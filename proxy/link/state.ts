import type { LinkFault } from '../control/protocol.ts'
import type { Deadlines } from '../deadlines.ts'
import { EdgeError, failures } from '../errors.ts'
import type { Log } from '../record/log.ts'

/** The same is told once in this time, and no more than so many of a kind. */
const TELL_MS = 60_000
/** Strangers may have a whole network of addresses. */
const MOST_TOLD = 100

/** Whether there is a way to the peer, since when, and what stands in it; what changes is logged. */
export class LinkState {
  isUp = false
  /** What stands in the way; null: nothing does, or nothing was tried yet. */
  failure: LinkFault | null = null
  since = new Date()
  /** The same, on the clock of the deadlines. */
  sinceMs: number
  readonly #deadlines: Deadlines
  readonly #log: Pick<Log, 'info' | 'warn'>
  readonly #refusals = new Map<string, number>()
  readonly #faults = new Map<string, number>()

  constructor(deadlines: Deadlines, log: Pick<Log, 'info' | 'warn'>) {
    this.#deadlines = deadlines
    this.#log = log
    this.sinceMs = deadlines.nowMs
  }

  /** There is another peer, of which nothing is known yet. */
  begin(): void {
    this.failure = null
    this.#turn(false)
  }

  rise(peer: string): void {
    this.failure = null
    this.#turn(true)
    this.#log.info('the link is up', { peer })
  }

  fall(failure: EdgeError): void {
    const { code } = this.failure ?? {}
    const { detail } = failure
    this.failure = { code: failure.code, detail, next: failures[failure.code].next, at: new Date().toISOString() }
    const wasUp = this.isUp
    if (wasUp) this.#turn(false)
    if (wasUp || code === undefined) this.#warn('the link is down', failure)
    else if (code !== failure.code) this.#warn('the link is still down', failure)
  }

  /** Somebody was not let in: told of, but not as often as it is tried. */
  tellRefused(failure: EdgeError): void {
    if (this.#isNews(this.#refusals, `${failure.code} ${failure.detail}`)) {
      this.#warn('somebody was not let in at the port of the link', failure)
    }
  }

  /** What an operator should look at while the link is up. */
  tellFault(failure: EdgeError): void {
    const { code, detail } = failure
    // What is measured differs a little each time, and is the same fault.
    if (this.#isNews(this.#faults, `${code} ${detail.replaceAll(/\d+/g, '')}`))
      this.#warn('the link works, but', failure)
  }

  #turn(isUp: boolean): void {
    this.isUp = isUp
    this.since = new Date()
    this.sinceMs = this.#deadlines.nowMs
  }

  #isNews(toldMs: Map<string, number>, what: string): boolean {
    const { nowMs } = this.#deadlines
    for (const [told, ms] of toldMs) if (nowMs - ms >= TELL_MS) toldMs.delete(told)
    if (toldMs.has(what) || toldMs.size >= MOST_TOLD) return false
    toldMs.set(what, nowMs)
    return true
  }

  #warn(message: string, { code, detail }: EdgeError): void {
    this.#log.warn(message, { code, detail, next: failures[code].next })
  }
}

/** To be told to clients, who see a code alone. */
export function asDown({ code, detail }: LinkFault): EdgeError {
  return new EdgeError('LINK_DOWN', `${code}: ${detail}`)
}
