import { isDeepStrictEqual } from 'node:util'
import type { UpstreamConfig } from '../config/config.ts'
import type { UpstreamStatus } from '../control/protocol.ts'
import type { Deadlines } from '../deadlines.ts'
import type { FailureCode } from '../errors.ts'
import type { Probe } from './health-check.ts'
import type { Peer } from './peer.ts'
import { nowhere, slotFor } from './slots/bearings.ts'
import { Hold } from './slots/hold.ts'
import { type InFlight, Slot } from './slots/slot.ts'
import { RequestTally } from './slots/tally.ts'

/** What upstreams share, and whom they tell. */
export interface UpstreamContext {
  readonly deadlines: Deadlines
  readonly peer: Peer
  /** The slot that was promoted last, if there is one and it is configured. */
  promotedSlot(config: UpstreamConfig): string | undefined
  onHealth(upstream: string, slot: string, isUp: boolean, probe: Probe): void
  /** A pause has lasted for as long as it was allowed to. */
  onSelfOpened(upstream: string): void
}

/**
 * A named destination of routes: one slot, or a blue/green pair of which one is active. A reload changes it in place:
 * what waits, drains or is counted goes on.
 */
export class Upstream {
  readonly hold: Hold
  readonly tally = new RequestTally()
  readonly #context: UpstreamContext
  #config: UpstreamConfig
  #slots: ReadonlyMap<string, Slot>
  #active: Slot
  /** On the other server, for while the active one is down, if `else` says so. */
  readonly #else: Slot
  /** Those that a reload has taken away, until nothing is in flight to them, and nobody is expected back. */
  #former: Slot[] = []

  constructor(config: UpstreamConfig, context: UpstreamContext) {
    this.#config = config
    this.#context = context
    this.hold = new Hold(context.deadlines, {
      onOpen: () => {
        this.#active.endDrain()
        // Whatever the pause was for, it may have been down meanwhile: those who waited are not turned away for that.
        this.#active.health?.startAnew(null)
      },
      onSelfOpened: () => context.onSelfOpened(config.name)
    })
    this.#slots = this.#makeSlots(config, new Map())
    this.#active = this.#choose()
    this.#else = this.#makeSlot('peer', config)
  }

  get config(): UpstreamConfig {
    return this.#config
  }

  get active(): Slot {
    return this.#active
  }

  get slots(): ReadonlyMap<string, Slot> {
    return this.#slots
  }

  get inFlight(): number {
    this.#former = this.#former.filter(slot => slot.inFlight > 0 || slot.isOwner)
    return this.#all.reduce((sum, slot) => sum + slot.inFlight, 0)
  }

  get isUp(): boolean {
    return this.#active.health?.isUp ?? true
  }

  /** Whether a slot that does not serve still runs streams: else nobody has to look for an owner. */
  get isDivided(): boolean {
    return this.#all.some(slot => slot !== this.#active && slot.isOwner)
  }

  /** The slot that does not serve but runs this stream; null: there is none. */
  ownerOf(key: string): Slot | null {
    return this.#all.find(slot => slot !== this.#active && slot.isOwner && slot.owned.has(key)) ?? null
  }

  /**
   * Counts a request in and says where it goes.
   * @throws EdgeError as `slotFor` does
   */
  admit(request: InFlight, bearings = nowhere): Slot {
    const elsewhere = this.hasElse ? this.#else : null
    const choice = { upstream: this.#config.name, active: this.#active, elsewhere, peer: this.#context.peer }
    const slot = slotFor(choice, bearings)
    slot.admit(request)
    return slot
  }

  /** Every request from here on goes to `slot`. @param last what was seen of it */
  activate(slot: Slot, last: Probe): void {
    if (slot === this.#active) return
    this.#active.health?.stop()
    this.#active = slot
    slot.endDrain()
    slot.health?.startAnew(last)
  }

  start(): void {
    // Only what serves is probed: the idle half of a pair is usually not even there.
    this.#active.health?.start()
  }

  configure(wanted: UpstreamConfig): void {
    const before = this.#config
    if (isDeepStrictEqual(before, wanted)) return
    const known = this.#slots
    const served = this.#active
    this.#config = wanted
    this.#slots = this.#makeSlots(wanted, known)
    const kept = new Set(this.#slots.values())
    for (const slot of known.values()) {
      if (kept.has(slot)) slot.configure(before, wanted)
      else this.#retire(slot)
    }
    this.#active = this.#choose()
    this.#active.endDrain()
    if (served !== this.#active) served.health?.stop()
    this.start()
  }

  /** What is in flight goes on, and so does what waits: nobody could end a pause of what no configuration names any more. */
  stop(): void {
    this.hold.set({ mode: 'open', longestMs: 0, spreadMs: 0 })
    for (const slot of [...this.#slots.values(), this.#else]) slot.stop()
  }

  /** Ends what is in flight or waits, to whichever slot. @returns how many */
  cut(code: FailureCode): number {
    const { inFlight } = this
    for (const slot of this.#all) slot.cut(code)
    return inFlight + this.hold.cut(code, 'cut while it waited')
  }

  get status(): UpstreamStatus[] {
    const { name } = this.#config
    const rest = { hold: this.hold.status, tally: this.tally.status }
    const slots = [...this.#slots.values(), ...this.#elsewhere]
    return slots.map(slot => ({ name, ...slot.statusAs(slot === this.#active), ...rest }))
  }

  /** Whether who was refused here may try the other server. */
  get hasElse(): boolean {
    return this.#config.hasElse
  }

  get #elsewhere(): Slot[] {
    return this.hasElse || this.#else.inFlight > 0 ? [this.#else] : []
  }

  get #all(): Slot[] {
    return [...this.#slots.values(), ...this.#elsewhere, ...this.#former]
  }

  #makeSlot(name: string, config: UpstreamConfig): Slot {
    const { deadlines, peer, onHealth } = this.#context
    return new Slot(name, config, {
      deadlines,
      peer,
      onHealth: (slot, isUp, probe) => onHealth(config.name, slot, isUp, probe)
    })
  }

  /** One that stays where it was stays what it is. */
  #makeSlots(config: UpstreamConfig, known: ReadonlyMap<string, Slot>): Map<string, Slot> {
    const slotFor = (name: string, origin: string): Slot => {
      const slot = known.get(name)
      return slot?.origin === origin ? slot : this.#makeSlot(name, config)
    }
    return new Map(Array.from(config.slots, ([name, origin]) => [name, slotFor(name, origin)]))
  }

  /** What was promoted; else what serves, if the file has merely been put in another order; else the first. */
  #choose(): Slot {
    const name = this.#context.promotedSlot(this.#config) ?? this.#active?.name ?? ''
    return this.#slots.get(name) ?? this.#slots.values().next().value!
  }

  #retire(slot: Slot): void {
    slot.stop()
    this.#former.push(slot)
  }
}
