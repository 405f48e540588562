import type { RouteConfig } from '../../config/config.ts'
import type { RawHeaders } from '../../http/exchange.ts'
import { firstValue } from '../../http/fields.ts'
import type { Slot } from '../../upstream/slots/slot.ts'
import { EventKeyReader } from './event-key.ts'

/** Tells a slot which stream an answer of its carries, as soon as an event has named it, and when that answer is over. */
export class StreamClaim {
  readonly #slot: Slot
  /** Null: it has read enough. */
  #reader: EventKeyReader | null
  #key: string | null = null

  constructor(slot: Slot, member: string) {
    this.#slot = slot
    this.#reader = new EventKeyReader(member)
  }

  read(chunk: Buffer): void {
    if (this.#reader === null) return
    this.#key = this.#reader.read(chunk)
    if (this.#reader.isDone) this.#reader = null
    if (this.#key !== null) this.#slot.owned.claim(this.#key)
  }

  /** @param isOver the upstream has ended the stream; else it may go on without this client */
  end(isOver: boolean): void {
    if (this.#key !== null) this.#slot.owned.release(this.#key, isOver)
    this.#key = null
  }
}

/** @returns null where nothing is to be learned, or nothing can be: what is compressed is not looked into */
export function claimOf({ learn }: RouteConfig, headers: RawHeaders, slot: Slot): StreamClaim | null {
  if (learn === null) return null
  const coding = firstValue(headers, 'content-encoding') ?? 'identity'
  return coding.toLowerCase() === 'identity' ? new StreamClaim(slot, learn) : null
}
