import type { UpstreamConfig } from '../config/config.ts'
import type { UpstreamStatus } from '../control/protocol.ts'
import type { Deadlines } from '../deadlines.ts'
import { EdgeError, type FailureCode } from '../errors.ts'
import { HealthCheck, type Probe } from './health-check.ts'
import { type InFlight, Slot } from './slot.ts'

/** Hears when a slot's health changes. */
export type HealthListener = (upstream: string, slot: string, isUp: boolean, probe: Probe) => void

interface Half {
  readonly slot: Slot
  readonly health: HealthCheck | null
}

/** A named destination of routes: one slot, or a blue/green pair of which one is active. */
export class Upstream {
  readonly config: UpstreamConfig
  readonly #halves: ReadonlyMap<string, Half>
  #active: Half

  constructor(config: UpstreamConfig, deadlines: Deadlines, onHealth: HealthListener) {
    this.config = config
    const halves = new Map<string, Half>()
    for (const [name, origin] of config.slots) {
      const onChange = (isUp: boolean, probe: Probe): void => onHealth(config.name, name, isUp, probe)
      const health = config.health === null ? null : new HealthCheck(origin, config.health, onChange)
      halves.set(name, { slot: new Slot(name, origin, config, deadlines), health })
    }
    this.#halves = halves
    this.#active = halves.values().next().value!
  }

  /**
   * Counts a request in and says where it goes.
   * @throws EdgeError EDGE_UPSTREAM_DOWN when the active slot's health check failed
   */
  admit(request: InFlight): Slot {
    const { slot, health } = this.#active
    if (health !== null && !health.isUp) throw new EdgeError('EDGE_UPSTREAM_DOWN', health.last?.saw ?? 'no probe yet')
    slot.admit(request)
    return slot
  }

  get isUp(): boolean {
    return this.#active.health?.isUp ?? true
  }

  start(): void {
    // Only what serves is probed: the idle half of a pair is usually not even there.
    this.#active.health?.start()
  }

  /** What is in flight goes on. */
  stop(): void {
    for (const { slot, health } of this.#halves.values()) {
      health?.stop()
      slot.pool.close()
    }
  }

  /** Ends what is in flight, to whichever slot. */
  cut(code: FailureCode): void {
    for (const { slot } of this.#halves.values()) slot.cut(code)
  }

  get status(): UpstreamStatus[] {
    return [...this.#halves.values()].map(half => this.#statusOf(half))
  }

  #statusOf(half: Half): UpstreamStatus {
    const { slot, health } = half
    const isActive = half === this.#active
    return {
      name: this.config.name,
      slot: slot.name,
      origin: slot.origin,
      isActive,
      health:
        health === null || !isActive ? 'unchecked' : health.last === null ? 'unknown' : health.isUp ? 'up' : 'down',
      lastProbe: health?.last?.saw ?? null,
      inFlight: slot.inFlight,
      connections: slot.pool.open
    }
  }
}
