import type { PeerReport } from '../../control/protocol.ts'
import type { Deadlines, Timed } from '../../deadlines.ts'
import { EdgeError } from '../../errors.ts'
import type { Log } from '../../record/log.ts'
import type { Link } from '../link.ts'
import { LARGEST_REPORT_BYTES, readReport } from '../report/read.ts'
import { loopsBetween } from '../report/verdict.ts'
import { askPeer } from './ask.ts'

/** How often the other edge is asked how it is. */
const POLL_MS = 5_000
const TICK_MS = 500
/** An answer that takes so much longer than the way to it and back is told of. */
const SLOW_MS = 2_000
const LATE_MS = 15_000
/** Logins and certificates bear that much. */
const CLOCK_MS = 5_000

/** What it works with. */
export interface ConversationOptions {
  readonly link: Link
  readonly deadlines: Deadlines
  readonly log: Pick<Log, 'info' | 'warn'>
  /** Of this edge. */
  report(): PeerReport
  onReport(report: PeerReport): void
  /** The way is open: time to try it before users do. @returns what did not come back well */
  rehearse(): Promise<readonly EdgeError[]>
}

/** What the two edges tell each other while the link is up: how they are, and their next keys. */
export class Conversation implements Timed {
  dueMs = 0
  /** How far the peer's clock is ahead, in ms; null: it was not heard of since the link is up. */
  clockAheadMs: number | null = null
  readonly #options: ConversationOptions
  #isBusy = false
  #underWay: Promise<void> = Promise.resolve()
  #polledMs = Number.NEGATIVE_INFINITY
  #wasUp = false
  /** The way has opened since it was last tried. */
  #isNews = false

  constructor(options: ConversationOptions) {
    this.#options = options
  }

  start(): void {
    this.#options.deadlines.watch(this)
  }

  stop(): void {
    this.#options.deadlines.unwatch(this)
  }

  /** Once the link is stopped: nothing is written any more. */
  get ended(): Promise<void> {
    return this.#underWay
  }

  onDue(nowMs: number): void {
    this.dueMs = nowMs + TICK_MS
    const { link } = this.#options
    const isUp = link.isConfigured && link.state.isUp
    if (isUp && !this.#wasUp) this.#isNews = true
    this.#wasUp = isUp
    if (!isUp) this.clockAheadMs = null
    if (!isUp || this.#isBusy || (!this.#isNews && nowMs - this.#polledMs < POLL_MS)) return
    this.#polledMs = nowMs
    this.#isBusy = true
    if (this.#isNews) void this.#tryWay()
    this.#isNews = false
    this.#underWay = this.#talk().finally(() => {
      this.#isBusy = false
    })
  }

  /** Never throws: what fails is tried again in a moment, and the link tells of itself. */
  async #talk(): Promise<void> {
    const { link } = this.#options
    try {
      await this.#listen()
      await this.#keepKeys()
    } catch (cause) {
      const failure = cause instanceof EdgeError ? cause : new EdgeError('EDGE_INTERNAL', String(cause), cause)
      if (link.isConfigured && link.state.isUp) link.state.tellFault(failure)
    }
  }

  /** Beside all else: an upstream that is paused keeps it waiting. */
  async #tryWay(): Promise<void> {
    const { link, rehearse } = this.#options
    for (const failure of await rehearse()) link.state.tellFault(failure)
  }

  async #listen(): Promise<void> {
    const { link, deadlines, report, onReport } = this.#options
    const { outgoing, heard } = link.held
    const [askedMs, askedAt] = [deadlines.nowMs, Date.now()]
    const question = {
      method: 'GET',
      path: '/.link/report',
      timeoutMs: LATE_MS,
      mostBytes: LARGEST_REPORT_BYTES
    } as const
    const { status, body } = await askPeer(outgoing.take(), question)
    const tookMs = deadlines.nowMs - askedMs
    const slowness = tookMs - (link.roundTrip.ms ?? tookMs)
    if (slowness > SLOW_MS) {
      link.state.tellFault(new EdgeError('LINK_SLOW', `the other edge took ${Math.round(tookMs)} ms for one word`))
    }
    const theirs =
      status === 200 ? readReport(body.toString()) : new EdgeError('LINK_PEER_REFUSED', `it answered ${status}`)
    if (theirs instanceof EdgeError) throw theirs
    this.clockAheadMs = theirs.now - (askedAt + tookMs / 2)
    if (Math.abs(this.clockAheadMs) > CLOCK_MS) {
      link.state.tellFault(
        new EdgeError('LINK_CLOCK', `the two clocks differ by ${Math.round(Math.abs(this.clockAheadMs) / 1000)} s`)
      )
    }
    for (const upstream of loopsBetween(report(), theirs)) {
      link.state.tellFault(new EdgeError('LINK_LOOP', `each server has ${upstream} from the other`))
    }
    onReport(theirs)
    await heard.take(theirs, new Date())
  }

  /** A key is replaced in time, and a replacement that was begun is finished. */
  async #keepKeys(): Promise<void> {
    const { link, log } = this.#options
    const { keys } = link.held
    const now = new Date()
    if (keys.isDueForRotation(now)) {
      await keys.beginRotation(now)
      log.info('the key of the link is replaced', { expires: keys.current.expiresAt })
    }
    if (keys.next !== null || keys.dropPending.length > 0)
      await keys.finishRotation((...order) => askAbout(link, ...order))
  }
}

/** Hands an order about keys to the other edge. */
export async function askAbout(link: Link, method: 'POST', path: string, order: object): Promise<{ status: number }> {
  const body = Buffer.from(JSON.stringify(order))
  return await askPeer(link.held.outgoing.take(), { method, path, body, timeoutMs: LATE_MS, mostBytes: 4_096 })
}
