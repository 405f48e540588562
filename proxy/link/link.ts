import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Address, LinkConfig } from '../config/config.ts'
import { EdgeError } from '../errors.ts'
import type { Connector } from '../upstream/connector.ts'
import type { Probe } from '../upstream/health-check.ts'
import type { Peer } from '../upstream/peer.ts'
import type { Door, Held, LinkMemory, LinkOptions } from './held.ts'
import { Incoming } from './incoming.ts'
import type { KeyChange } from './keys/link-keys.ts'
import { placeOf } from './line/dial.ts'
import { Line } from './line/line.ts'
import { Budget } from './line/outbox.ts'
import { RoundTrip } from './line/round-trip.ts'
import { Outgoing } from './outgoing.ts'
import { asDown, LinkState } from './state.ts'
import { Welcome } from './welcome.ts'

/** All lines together keep this much, in case theirs is lost; an edge with 256 MB has room for it. */
const KEPT_BYTES = 32 * 1_048_576

/** The way to the other server: lines out, lines in. */
export class Link implements Peer {
  readonly state: LinkState
  roundTrip = new RoundTrip()
  readonly #options: LinkOptions
  /** Another one once the lines are forgotten: a peer would begin anew what was under way. */
  #instance = randomUUID()
  readonly #budget = new Budget(KEPT_BYTES, () => this.roundTrip.ms)
  #held: Held | null = null
  /** What a reload has taken away, and may still be under way on. */
  #former: (Incoming | Outgoing)[] = []

  constructor(options: LinkOptions) {
    this.#options = options
    this.state = new LinkState(options.deadlines, options.log)
  }

  readonly connector: Connector = {
    // The line itself knows for how long to wait, and says why it waits no longer.
    connectMs: 60_000,
    isWarm: true,
    readyEvent: 'connect',
    connect: onRead => {
      const line = this.#held?.outgoing.take() ?? this.#deadLine()
      line.on('data', (chunk: Buffer) => {
        if (!onRead(chunk.length, chunk)) line.pause()
      })
      return line as unknown as Socket
    }
  }

  get isConfigured(): boolean {
    return this.#held !== null
  }

  /** @throws EdgeError LINK_OFF */
  get held(): Held {
    if (this.#held === null) throw new EdgeError('LINK_OFF', 'no link is configured: this edge knows of no other')
    return this.#held
  }

  get fault(): Peer['fault'] {
    if (this.#held === null) return new EdgeError('LINK_DOWN', 'no link is configured')
    const { failure, isUp, sinceMs } = this.state
    if (failure === null || isUp) return null
    // A blip is waited for; a key that is not taken will not be taken in a moment.
    const isBlip = this.#options.deadlines.nowMs - sinceMs < this.roundTrip.patienceMs
    return isBlip && failure.code === 'LINK_UNREACHABLE' ? null : asDown(failure)
  }

  look(upstream: string): Probe {
    return this.#held?.heard.look(upstream) ?? { isGood: false, saw: 'no link is configured' }
  }

  /**
   * Binds what `config` wants; nothing else changes before `keep()`.
   * @throws EdgeError EDGE_PORT_TAKEN and the like, EDGE_STATE_UNWRITABLE; then nothing has changed
   */
  async prepare(config: LinkConfig | null): Promise<{ keep(): void; drop(): void }> {
    const before = this.#held
    if (isDeepStrictEqual(before?.config ?? null, config)) return { keep() {}, drop() {} }
    if (config === null) return { keep: () => this.#remove(), drop() {} }
    const memory = before ?? (await this.#options.open())
    const doors = new Map<string, Door>()
    const isFresh = (key: string): boolean => before?.doors.has(key) !== true
    const drop = (): void => {
      for (const [key, door] of doors) if (isFresh(key)) void door.close()
    }
    try {
      for (const address of config.listen) {
        const key = placeOf(address)
        doors.set(key, before?.doors.get(key) ?? (await this.#openDoor(address)))
      }
    } catch (error) {
      drop()
      throw error
    }
    return { drop, keep: () => this.#keep(config, memory, doors) }
  }

  /** Nobody new comes in, and the peer sees that; what is in flight goes on, and so does the way out. */
  leave(): void {
    for (const door of this.#held?.doors.values() ?? []) void door.close()
    this.#held?.incoming.retire()
  }

  /** What is in flight was given its time. */
  async stop(): Promise<void> {
    const { doors } = this.#held ?? {}
    this.#retire(this.#held?.incoming, this.#held?.outgoing)
    this.#held = null
    for (const way of this.#former.splice(0)) way.stop()
    await Promise.all([...(doors?.values() ?? [])].map(door => door.close()))
  }

  /** What is in flight goes on. */
  #remove(): void {
    const { doors, incoming, outgoing } = this.held
    this.#held = null
    this.#instance = randomUUID()
    this.#retire(incoming, outgoing)
    for (const door of doors.values()) void door.close()
  }

  #retire(...ways: (Incoming | Outgoing | undefined)[]): void {
    this.#former = this.#former.filter(({ inUse }) => inUse > 0)
    for (const way of ways.filter(one => one !== undefined)) {
      way.retire()
      this.#former.push(way)
    }
    this.roundTrip = new RoundTrip()
    this.state.begin()
  }

  /** For who was on his way to a peer that a reload has taken away. */
  #deadLine(): Line {
    const line = new Line({ onWireLost() {}, onOver() {}, onUnheard() {} }, this.#budget)
    return line.destroy(new EdgeError('LINK_DOWN', 'no link is configured'))
  }

  #keep(config: LinkConfig, { keys, heard }: LinkMemory, doors: ReadonlyMap<string, Door>): void {
    const before = this.#held
    const { deadlines, serve } = this.#options
    const isSamePeer = isDeepStrictEqual(before?.config.peer, config.peer)
    if (!isSamePeer) this.#retire(before?.outgoing)
    const common = {
      keys,
      budget: this.#budget,
      wires: { deadlines, roundTrip: this.roundTrip, instance: this.#instance }
    }
    for (const [key, door] of before?.doors ?? []) if (!doors.has(key)) void door.close()
    const incoming =
      before?.incoming ??
      new Incoming({
        ...common,
        onLine: serve,
        onPeer: () => this.#held?.outgoing.spares.hurry(),
        onRefused: failure => this.state.tellRefused(failure)
      })
    const onState = (failure: EdgeError | null): void => {
      if (failure === null) this.state.rise(placeOf(config.peer))
      else this.state.fall(failure)
    }
    const outgoing = isSamePeer ? before!.outgoing : new Outgoing({ ...common, peer: config.peer, onState })
    const welcome = new Welcome(config)
    void welcome.look(deadlines.nowMs)
    this.#held = { config, keys, heard, welcome, incoming, outgoing, doors }
    if (before === null) keys.onChange(change => this.#onKeys(change))
  }

  /** What is in flight goes on, unless it goes over a key that an operator has taken away: it may be in a thief's hands. */
  #onKeys(change: KeyChange): void {
    if (this.#held === null) return
    const { incoming, outgoing } = this.#held
    // First: what is cut goes on over a spare wire, and that may be by the same key.
    outgoing.spares.renew()
    if (change.what !== 'forgotten' || !change.isUrgent) return
    for (const way of [incoming, outgoing, ...this.#former]) way.cut(change.fingerprint)
  }

  #openDoor(address: Address): Promise<Door> {
    return this.#options.openDoor(
      address,
      from => this.#admits(from),
      socket => {
        if (this.#held === null) socket.destroy()
        else this.#held.incoming.accept(socket)
      }
    )
  }

  #admits(address: string): boolean {
    if (this.#held?.welcome.admits(address, this.#options.deadlines.nowMs) === true) return true
    this.state.tellRefused(new EdgeError('LINK_STRANGER', `${address} is not an address of the peer`))
    return false
  }
}
