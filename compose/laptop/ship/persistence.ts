import { setTimeout as pause } from 'node:timers/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import { heeding } from '../ssh/heeding.ts'
import { connectSsh, type Ssh } from '../ssh/ssh.ts'

/** How a ship goes on when its line is lost. */
export interface Terms {
  say(line: string): void
  /** How long nothing may come forward, ms. */
  readonly patienceMs?: number | undefined
  /** Bytes that have come through; more of them is what counts as coming forward. */
  there(): number
  /** Whatever was under way is not any more. */
  cut?(): void
  /** Of an operator who wants it no longer; what has come is kept there. */
  readonly signal?: AbortSignal | undefined
}

const usualPatienceMs = 120_000
const pauseMs = { first: 100, most: 10_000 }

/** A connection, and those that are made when it is lost. The first belongs to whoever gave it. */
export class Line {
  readonly #first: Ssh
  #now: Ssh

  constructor(first: Ssh) {
    this.#first = first
    this.#now = first
  }

  /**
   * Does it, and again over a new connection when the line is lost on the way.
   * @throws EdgeError SHIP_LINE_LOST when it brings nothing forward any more; whatever else `attempt` throws; the signal's reason
   */
  async persist<T>(
    { say, there, cut, signal, patienceMs = usualPatienceMs }: Terms,
    attempt: (ssh: Ssh) => Promise<T>
  ): Promise<T> {
    let [since, before, waitMs] = [performance.now(), there(), pauseMs.first]
    for (let isLost = false; ; isLost = true) {
      try {
        if (isLost) await this.#renew(signal)
        return await heeding(attempt(this.#now), signal)
      } catch (cause) {
        if (!(cause instanceof EdgeError) || cause.code !== 'SSH_UNREACHABLE') throw cause
        if (there() > before) [since, before, waitMs] = [performance.now(), there(), pauseMs.first]
        cut?.()
        if (performance.now() - since > patienceMs) {
          const word = `nothing has come through for ${Math.round(patienceMs / 1_000)} s`
          throw new EdgeError('SHIP_LINE_LOST', `${word}: ${cause.detail}`, cause)
        }
        say(`The line was cut (${cause.detail}); connecting again`)
        await heeding(pause(waitMs), signal)
        waitMs = Math.min(2 * waitMs, pauseMs.most)
      }
    }
  }

  /** Those that were made here. */
  async close(): Promise<void> {
    if (this.#now !== this.#first) await this.#now.close()
  }

  async #renew(signal: AbortSignal | undefined): Promise<void> {
    await this.close()
    this.#now = this.#first
    this.#now = await connectSsh(this.#first.server, { signal })
  }
}
