import { isDeepStrictEqual } from 'node:util'
import type { UpstreamConfig } from '../../config/config.ts'
import type { DrainRequest, UpstreamStatus } from '../../control/protocol.ts'
import type { Deadlines } from '../../deadlines.ts'
import type { FailureCode } from '../../errors.ts'
import { connectorTo } from '../connector.ts'
import { type Health, HealthCheck, type Probe } from '../health-check.ts'
import { PEER_ORIGIN, type Peer, PeerHealth, UPSTREAM_FIELD } from '../peer.ts'
import { Pool } from '../pool.ts'
import { Drain } from './drain.ts'
import { OwnedStreams } from './owned-streams.ts'

/** A request in flight, as its slot sees it. */
export interface InFlight {
  readonly kind: 'request' | 'stream' | 'webSocket'
  /** Ends it now: the time that it was given has passed. */
  cut(code: FailureCode): void
  /** A WebSocket is asked to close; nothing else is. */
  dismiss(): void
}

/** How many are in flight, by kind. */
export interface Load {
  readonly requests: number
  readonly streams: number
  readonly webSockets: number
}

/** Hears when a slot's health changes. */
export type OnHealth = (slot: string, isUp: boolean, probe: Probe) => void

/** What slots share, and whom they tell. */
export interface SlotContext {
  readonly deadlines: Deadlines
  readonly onHealth: OnHealth
  readonly peer: Peer
}

/** Half of a blue/green pair: where it is, and what is in flight to it. A reload that leaves it where it is keeps it. */
export class Slot {
  readonly name: string
  readonly origin: string
  /** Another one after a reload that changes what it goes by. */
  pool: Pool
  /** Null: nothing is probed. */
  health: Health | null
  /** What became of it when it was drained last; null since it serves. */
  drain: Drain | null = null
  /** Requests that it has answered, and not with an error of its own: it is there. */
  answers = 0
  /** Those that it runs, as far as their names are known. */
  readonly owned: OwnedStreams
  /** What a request's head says for it alone. */
  readonly fields: string
  readonly #inFlight = new Set<InFlight>()
  readonly #deadlines: Deadlines
  readonly #onHealth: OnHealth
  readonly #peer: Peer

  constructor(name: string, config: UpstreamConfig, { deadlines, onHealth, peer }: SlotContext) {
    this.name = name
    this.origin = config.slots.get(name) ?? PEER_ORIGIN // for what is not configured here is there
    this.#deadlines = deadlines
    this.#onHealth = onHealth
    this.#peer = peer
    this.fields = this.isPeer ? `${UPSTREAM_FIELD}: ${config.name}\r\n` : ''
    this.owned = new OwnedStreams(deadlines)
    this.pool = this.#makePool(config)
    this.health = this.#makeHealth(config)
  }

  /** On the other server. */
  get isPeer(): boolean {
    return this.origin === PEER_ORIGIN
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Counted when somebody asks: 2,000 streams are soon looked at, and no request pays for it. */
  get load(): Load {
    const load = { requests: 0, streams: 0, webSockets: 0 }
    for (const { kind } of this.#inFlight) load[`${kind}s`]++
    return load
  }

  /** Whether requests about streams may still belong here, now that it serves no more: until it has run empty. */
  get isOwner(): boolean {
    if (this.#inFlight.size === 0 && !this.owned.isAwaited) this.owned.clear()
    return this.owned.size > 0
  }

  admit(request: InFlight): void {
    this.#inFlight.add(request)
  }

  release(request: InFlight): void {
    this.#inFlight.delete(request)
  }

  /** Ends what is in flight, now. */
  cut(code: FailureCode): void {
    for (const request of [...this.#inFlight]) request.cut(code)
  }

  /** Lets it run empty, in the time that `asked` gives. Asked again, the time is counted anew. */
  beginDrain(asked: Pick<DrainRequest, 'withinMs' | 'graceMs'>): Drain {
    const isUnderWay = this.drain?.status.isDone === false
    const drain = isUnderWay ? this.drain! : this.#makeDrain()
    if (drain !== this.drain) this.endDrain()
    this.drain = drain
    drain.begin(asked)
    return drain
  }

  /** It serves again: what was still in flight goes on. */
  endDrain(): void {
    this.drain?.end()
    this.drain = null
  }

  /** @param before what it went by; what stays the same goes on, connections and all */
  configure(before: UpstreamConfig, wanted: UpstreamConfig): void {
    if (!isDeepStrictEqual(poolSettings(before), poolSettings(wanted))) {
      this.pool.close()
      this.pool = this.#makePool(wanted)
    }
    if (isDeepStrictEqual(before.health, wanted.health)) return
    this.health?.stop()
    this.health = this.#makeHealth(wanted)
  }

  /** What is in flight goes on. */
  stop(): void {
    this.health?.stop()
    this.pool.close()
  }

  /** @param isActive only what serves is probed */
  statusAs(isActive: boolean): Omit<UpstreamStatus, 'name' | 'hold' | 'tally'> {
    const { health, load } = this
    const isProbed = health !== null && isActive
    return {
      slot: this.name,
      origin: this.origin,
      isActive,
      health: !isProbed ? 'unchecked' : health.last === null ? 'unknown' : health.isUp ? 'up' : 'down',
      lastProbe: health?.last?.saw ?? null,
      inFlight: this.inFlight,
      streams: load.streams,
      webSockets: load.webSockets,
      connections: this.pool.open,
      owned: this.owned.size,
      drain: this.drain?.status ?? null
    }
  }

  #makeDrain(): Drain {
    return new Drain({ inFlight: this.#inFlight, owned: this.owned }, this.load, this.#deadlines)
  }

  #makePool({ connectMs, keepAliveMs, connections }: UpstreamConfig): Pool {
    if (this.isPeer) return new Pool(this.#peer.connector, PEER_KEEP_ALIVE_MS, 0, this.#deadlines)
    return new Pool(connectorTo(this.origin, connectMs), keepAliveMs, connections, this.#deadlines)
  }

  #makeHealth({ name, health }: UpstreamConfig): Health | null {
    if (this.isPeer) return new PeerHealth(this.#peer, name)
    if (health === null) return null
    const onChange = (isUp: boolean, probe: Probe): void => this.#onHealth(this.name, isUp, probe)
    return new HealthCheck(this.origin, health, { onChange, answers: () => this.answers })
  }
}

/** Lines are kept up by the link; what nobody has used for so long goes back to being a spare one. */
const PEER_KEEP_ALIVE_MS = 60_000

function poolSettings({ connectMs, keepAliveMs, connections }: UpstreamConfig): unknown {
  return [connectMs, keepAliveMs, connections]
}
