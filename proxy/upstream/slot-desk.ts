import { nearest } from '../config/faults.ts'
import type {
  DrainRequest,
  DrainStatus,
  HoldRequest,
  HoldStatus,
  ProbeAnswer,
  ProbeRequest,
  PromoteAnswer,
  PromoteRequest,
  Tally,
  TallyRequest
} from '../control/protocol.ts'
import { EdgeError } from '../errors.ts'
import type { ActiveSlots } from './slots/active-slots.ts'
import { probeOnce, probeUntil } from './slots/probing.ts'
import type { Slot } from './slots/slot.ts'
import type { Upstream } from './upstream.ts'

/** What the desk works on. */
export interface DeskOptions {
  /** As configured now. */
  readonly upstreams: () => ReadonlyMap<string, Upstream>
  readonly active: ActiveSlots
  /** One change of what serves at a time, reloads among them. */
  readonly inTurn: <T>(change: () => Promise<T>) => Promise<T>
  readonly tell: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

const PROBE_MS = 10_000

/** Where an operator's orders about slots are carried out. Every name may be wrong: EDGE_USAGE says which there are. */
export class SlotDesk {
  readonly #options: DeskOptions

  constructor(options: DeskOptions) {
    this.#options = options
  }

  /** @throws EdgeError EDGE_USAGE */
  async probe(asked: ProbeRequest): Promise<ProbeAnswer> {
    const [upstream, slot] = this.#find(asked)
    return await probeOnce(slot.origin, upstream.config, PROBE_MS)
  }

  /**
   * @param asker aborted when nobody waits for the answer any more: whoever comes next must not find that a slot which it
   *   has just stopped was promoted after all
   * @throws EdgeError EDGE_USAGE, EDGE_SLOT_UNHEALTHY, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL: then nothing has changed
   */
  async promote(asked: PromoteRequest, asker = new AbortController().signal): Promise<PromoteAnswer> {
    const [upstream, slot] = this.#find(asked)
    const { config } = upstream
    const answer = { upstream: asked.upstream, slot: asked.slot }
    if (slot === upstream.active) return { ...answer, before: slot.name, probes: [] }
    // Not in turn: a candidate that takes a minute to start must not keep a reload waiting.
    const { isGood, saw } = await probeUntil(slot.origin, config, asked, asker)
    const last = saw.at(-1)!
    if (!isGood && !asker.aborted) {
      const wanted = `not ${asked.passes} good ${asked.passes === 1 ? 'probe' : 'probes in a row'}`
      throw unhealthy(`${asked.upstream} ${slot.name}: ${wanted} within ${asked.withinMs} ms; the last saw ${last}`)
    }
    return await this.#options.inTurn(async () => {
      if (asker.aborted) throw this.#calledOff(answer)
      if (this.#options.upstreams().get(asked.upstream) !== upstream || upstream.config !== config) {
        throw unhealthy(`${asked.upstream} was configured anew while ${slot.name} was probed: promote it again`)
      }
      const before = upstream.active.name
      await this.#options.active.store(asked.upstream, slot.name)
      // Who left while the disk was busy has been told, if he asked again, that the other one serves.
      if (asker.aborted) {
        await this.#options.active.store(asked.upstream, before)
        throw this.#calledOff(answer)
      }
      upstream.activate(slot, { isGood, saw: last })
      this.#options.tell('promoted', { ...answer, before, saw: last })
      return { ...answer, before, probes: saw }
    })
  }

  /** @throws EdgeError EDGE_USAGE, EDGE_SLOT_ACTIVE unless nothing new reaches it */
  drain(asked: DrainRequest): DrainStatus {
    const [upstream, slot] = this.#find(asked)
    if (slot === upstream.active && upstream.hold.isOpen) {
      throw new EdgeError('EDGE_SLOT_ACTIVE', `${asked.upstream} is served by ${slot.name}`)
    }
    const { status } = slot.beginDrain(asked)
    this.#options.tell('draining', { upstream: asked.upstream, slot: slot.name, ...status.carried })
    return status
  }

  /** @throws EdgeError EDGE_USAGE */
  hold(asked: HoldRequest): HoldStatus {
    const status = this.#upstream(asked.upstream).hold.set(asked)
    this.#options.tell(asked.mode, { upstream: asked.upstream, waiting: status.waiting })
    return status
  }

  /** Counts anew. @returns what was counted until now. @throws EdgeError EDGE_USAGE */
  tally(asked: TallyRequest): Tally {
    return this.#upstream(asked.upstream).tally.reset()
  }

  #calledOff(answer: { readonly upstream: string; readonly slot: string }): EdgeError {
    this.#options.tell('not promoted: who asked has gone', answer)
    return unhealthy(`${answer.upstream}: who asked has gone`)
  }

  #upstream(name: string): Upstream {
    const upstreams = this.#options.upstreams()
    return upstreams.get(name) ?? unknown('upstream', name, [...upstreams.keys()])
  }

  #find(asked: ProbeRequest): [Upstream, Slot] {
    const upstream = this.#upstream(asked.upstream)
    const { slots } = upstream
    return [upstream, slots.get(asked.slot) ?? unknown('slot', asked.slot, [...slots.keys()])]
  }
}

function unknown(field: string, name: string, known: readonly string[]): never {
  const near = nearest(name, known)
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw new EdgeError('EDGE_USAGE', `${field}: there is no ${JSON.stringify(name)} among ${known.join(', ')}${hint}`)
}

function unhealthy(detail: string): EdgeError {
  return new EdgeError('EDGE_SLOT_UNHEALTHY', detail)
}
