import type { BodyReceiver, Exchange, RawHeaders } from '../../http/exchange.ts'
import type { InFlight, Slot } from '../../upstream/slots/slot.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import type { Destination } from '../site.ts'
import { keyOf } from './event-key.ts'
import { hasSmallJson, keyInHead } from './request-key.ts'

/** A request as its search sees it. */
export interface Searching extends InFlight {
  readonly exchange: Exchange
  readonly to: Destination
  slot: Slot | null
  /** Null: nobody had to ask whose stream it is about. */
  search: OwnerSearch | null
  /** Something has come: its silence begins anew. */
  touch(): void
  /** The search is over. */
  dispatch(): void
}

/**
 * Finds the slot that runs the stream which a request is about; if need be, in its body, which goes on from here
 * unchanged. For an owner the body is kept back until its connection stands: as long as nothing was sent, the request
 * may still go elsewhere.
 */
export class OwnerSearch implements BodyReceiver {
  readonly #request: Searching
  readonly #exchange: Exchange
  readonly #to: Destination
  #key: string | null = null
  /** What was read of the body; null: nothing yet. */
  #body: { parts: Buffer[]; trailers: RawHeaders } | null = null
  /** Who gets the body once there is a connection. */
  #receiver: BodyReceiver | null = null

  constructor(request: Searching) {
    this.#request = request
    this.#exchange = request.exchange
    this.#to = request.to
  }

  /** Null: it goes where every request goes. */
  get owner(): Slot | null {
    return this.#key === null ? null : this.#to.upstream.ownerOf(this.#key)
  }

  /** @returns false when the body has to be read first; then `dispatch()` follows */
  start(): boolean {
    const { route, upstream } = this.#to
    const { head } = this.#exchange
    this.#key = firstOwned(
      route.owner.map(place => keyInHead(head, place)),
      upstream
    )
    const isInBody = this.#key === null && route.owner.some(({ part }) => part === 'body') && hasSmallJson(head)
    if (!isInBody) return true
    // Counted where most go, while it is looked at.
    this.#request.slot = upstream.active
    upstream.active.admit(this.#request)
    this.#request.touch()
    this.#body = { parts: [], trailers: [] }
    this.#exchange.readBody(this)
    return false
  }

  takeBody(chunk: Buffer): boolean {
    this.#request.touch()
    this.#body!.parts.push(chunk)
    return true
  }

  endBody(trailers: RawHeaders): void {
    const { route, upstream } = this.#to
    const text = Buffer.concat(this.#body!.parts).toString()
    this.#body!.trailers = trailers
    const keys = route.owner.map(place => (place.part === 'body' ? keyOf(text, place.name) : null))
    this.#key = firstOwned(keys, upstream)
    this.#request.dispatch()
  }

  /** As of an exchange; for an owner, not before `resumeBody()`. */
  readBody(receiver: BodyReceiver): void {
    this.#receiver = receiver
    if (this.#key === null) this.resumeBody()
  }

  resumeBody(): void {
    const receiver = this.#receiver
    this.#receiver = null
    if (receiver === null) this.#exchange.resumeBody()
    else if (this.#body === null) this.#exchange.readBody(receiver)
    else {
      for (const part of this.#body.parts) receiver.takeBody(part)
      receiver.endBody(this.#body.trailers)
      this.#body = null
    }
  }

  /** The owner is not there any more. @returns true when it was sent nothing: the request may go elsewhere */
  giveUp(): boolean {
    if (this.#receiver === null) return false
    this.#key = null
    return true
  }
}

/**
 * As long as only one slot runs streams, which is nearly always, nobody has to look.
 * @returns true: it can be sent now; else `dispatch()` follows
 */
export function searchOwner(request: Searching): boolean {
  const { route, upstream } = request.to
  if (route.owner.length === 0 || !upstream.isDivided) return true
  request.search = new OwnerSearch(request)
  return request.search.start()
}

function firstOwned(keys: readonly (string | null)[], upstream: Upstream): string | null {
  return keys.find(key => key !== null && upstream.ownerOf(key) !== null) ?? null
}
