import type { HostPort } from '../config/config.ts'
import { EdgeError } from '../errors.ts'
import { Dial, type DialOwner } from './line/dial.ts'
import type { Hello } from './line/frames.ts'
import type { Keys } from './line/secure.ts'
import type { Wire, WireContext } from './line/wire.ts'

/** Who uses the wires. */
export interface SparesOwner {
  /** Lines that wait for a wire now. */
  readonly waiting: number
  /** Lines that have one. */
  readonly served: number
  /** One lies ready. */
  onWire(): void
  /** The first wire is there, or the last is gone: then `failure` says why, which it does again as often as it is tried in vain. */
  onState(failure: EdgeError | null): void
}

/** Ready for whoever comes first; more where more came lately. */
const LEAST_SPARE = 16
const MOST_SPARE = 64
/** Handshakes under way at once: each costs a millisecond of both servers. */
const MOST_DIALS = 32
/** While nothing answers, one try follows the other at this pace, each with its own patience. */
const RETRY_MS = 1_000
const MOST_TRIES = 8
/** At every tick: ten seconds. */
const TELL_TIMES = 20
/** A path may have changed under it, or its key: it is replaced while nobody uses it. */
const OLDEST_MS = 600_000

/** Wires to the peer that are open before anybody asks for one. */
export class Spares implements DialOwner {
  readonly #peer: HostPort
  readonly #keys: Keys
  readonly #context: WireContext
  readonly #owner: SparesOwner
  readonly #dials = new Set<Dial>()
  readonly #instances = new WeakMap<Wire, string>()
  #idle: Wire[] = []
  #news: { readonly type: number; readonly payload: Buffer; times: number }[] = []
  #demand = 0
  #taken = 0
  #isUp = false
  #failure: EdgeError | null = null
  #triedMs = Number.NEGATIVE_INFINITY
  #isStopped = false

  constructor(peer: HostPort, keys: Keys, context: WireContext, owner: SparesOwner) {
    this.#peer = peer
    this.#keys = keys
    this.#context = context
    this.#owner = owner
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Why the last try came to nothing. */
  get failure(): EdgeError | null {
    return this.#failure
  }

  get count(): number {
    return this.#idle.length
  }

  get wanted(): number {
    return Math.min(MOST_SPARE, Math.max(LEAST_SPARE, Math.ceil(this.#demand)))
  }

  /** The process at the other end of a wire. */
  instanceOf(wire: Wire): string {
    return this.#instances.get(wire) ?? ''
  }

  /** Again and again, over whatever lies ready: as long as a wire can be dead and nobody has noticed. */
  tell(type: number, payload: Buffer): void {
    if (!this.#isStopped) this.#news.push({ type, payload, times: TELL_TIMES })
  }

  take(): Wire | undefined {
    this.#taken++
    return this.#idle.pop()
  }

  keep(wire: Wire): void {
    wire.user = {
      onData: () => wire.fail('data that nobody asked for'),
      onFrame: () => {},
      onWritable: () => {},
      onClosed: why => {
        this.#idle = this.#idle.filter(other => other !== wire)
        this.lookAgain(why)
        this.fill()
      }
    }
    this.#idle.push(wire)
  }

  /** A wire was lost: perhaps it was the last. */
  lookAgain(why: string): void {
    if (this.#idle.length === 0 && this.#owner.served === 0) this.#fall(new EdgeError('LINK_UNREACHABLE', why))
  }

  ping(): void {
    for (const wire of this.#idle) wire.ping()
  }

  /** The peer is there, for it has come to us. */
  hurry(): void {
    if (this.#isUp) return
    this.#triedMs = Number.NEGATIVE_INFINITY
    this.fill()
  }

  /** As after a change of keys. */
  renew(): void {
    for (const wire of this.#idle.splice(0)) wire.close()
    // They may have been judged by the keys of before.
    for (const dial of this.#dials) dial.cancel()
    this.#dials.clear()
    this.#triedMs = Number.NEGATIVE_INFINITY
    this.fill()
  }

  tick(nowMs: number): void {
    this.#tellNews()
    this.#demand = Math.max(this.#demand * 0.98, 2 * this.#taken)
    this.#taken = 0
    const [oldest] = this.#idle
    const isOld = oldest !== undefined && nowMs - oldest.openedMs > OLDEST_MS && this.count >= this.wanted
    // After a rush: each costs memory at both ends.
    if (oldest !== undefined && (isOld || this.count > this.wanted)) {
      this.#idle.shift()
      oldest.close()
    }
    this.fill()
  }

  /** Opens what is lacking. */
  fill(): void {
    if (this.#isStopped) return
    const { nowMs } = this.#context.deadlines
    if (this.#isUp) {
      const lacking = this.#owner.waiting + this.wanted - this.count - this.#dials.size
      for (let i = Math.min(lacking, MOST_DIALS - this.#dials.size); i > 0; i--) this.#dial()
    } else if (nowMs - this.#triedMs >= RETRY_MS && this.#dials.size < MOST_TRIES) {
      this.#triedMs = nowMs
      this.#dial()
    }
  }

  onWire(dial: Dial, wire: Wire, { instance }: Hello): void {
    this.#dials.delete(dial)
    this.#instances.set(wire, instance)
    this.keep(wire)
    wire.ping()
    if (!this.#isUp) {
      this.#isUp = true
      this.#failure = null
      this.#owner.onState(null)
    }
    this.#owner.onWire()
    this.fill()
  }

  onFailed(dial: Dial, failure: EdgeError): void {
    this.#dials.delete(dial)
    if (this.count === 0 && this.#owner.served === 0) this.#fall(failure)
  }

  stop(): void {
    this.#isStopped = true
    for (const dial of this.#dials) dial.cancel()
    for (const wire of this.#idle.splice(0)) wire.close()
  }

  #tellNews(): void {
    const wire = this.#idle.at(-1)
    if (wire === undefined) return
    for (const one of this.#news) {
      wire.send(one.type, one.payload)
      one.times--
    }
    this.#news = this.#news.filter(({ times }) => times > 0)
  }

  #dial(): void {
    this.#dials.add(new Dial(this.#peer, this.#keys, this.#context, this))
  }

  #fall(failure: EdgeError): void {
    this.#isUp = false
    this.#failure = failure
    if (!this.#isStopped) this.#owner.onState(failure)
  }
}
