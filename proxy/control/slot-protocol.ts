/** The part of the contract that is about slots; everybody has it from protocol.ts. Types only. */
export interface UpstreamStatus {
  readonly name: string
  readonly slot: string
  readonly origin: string
  readonly isActive: boolean
  readonly health: 'up' | 'down' | 'unknown' | 'unchecked'
  /** What the last probe saw, in words; null before the first. */
  readonly lastProbe: string | null
  readonly inFlight: number
  /** Of those in flight: event streams, and WebSockets. */
  readonly streams: number
  readonly webSockets: number
  readonly connections: number
  /** Streams that are known to run there, by the names that their events gave; left ones among them. */
  readonly owned: number
  /** What becomes of a slot that no longer serves; null: nothing was asked. */
  readonly drain: DrainStatus | null
  /** Of the upstream, so the same for both slots. */
  readonly hold: HoldStatus
  /** Of the upstream, since the last `POST /slots/tally`. */
  readonly tally: Tally
}

export interface DrainStatus {
  readonly beganAt: string
  /** When what is left is cut. */
  readonly cutAt: string
  /** In flight when it began. */
  readonly carried: { readonly requests: number; readonly streams: number; readonly webSockets: number }
  /** Ended by us before they were over; WebSockets that closed on our close frame are not among them. */
  readonly cut: number
  /** Nothing is in flight, and nobody is expected back for a stream that he has just left. */
  readonly isDone: boolean
}

/** `paused`: requests wait at the edge; `maintenance`: they get a page, 503. */
export interface HoldStatus {
  readonly mode: 'open' | 'paused' | 'maintenance'
  /** Requests that wait now. */
  readonly waiting: number
}

/** As clients saw it: an answer cut short counts as failed, whatever its status said; a client that left does not. */
export interface Tally {
  readonly since: string
  readonly requests: number
  readonly failed: number
  readonly streamsCut: number
  /** The longest time to a first byte, waiting at the edge included; ms. */
  readonly longestMs: number
}

/** `POST /slots/probe`: 200 with ProbeAnswer, what one try saw. The slot need not serve. */
export interface ProbeRequest {
  readonly upstream: string
  readonly slot: string
}

export interface ProbeAnswer {
  readonly isGood: boolean
  readonly saw: string
}

/**
 * `POST /slots/promote`: probes until `passes` in a row were good, writes the active slot to disk, then sends new
 * requests there: 200. 409 EDGE_SLOT_UNHEALTHY with what the last probe saw; nothing has changed then. Promoting the
 * active slot is 200, too: whoever lost the answer may ask again. Whoever hangs up before the flip has called it off.
 */
export interface PromoteRequest {
  readonly upstream: string
  readonly slot: string
  readonly passes: number
  readonly withinMs: number
}

export interface PromoteAnswer {
  readonly upstream: string
  readonly slot: string
  /** The slot that served until now. */
  readonly before: string
  /** What each probe saw, in order; of many, the last hundred. None for the slot that served already. */
  readonly probes: readonly string[]
}

/**
 * `POST /slots/drain`: 202 with DrainStatus, begun; GET /status tells how far it is. 409 EDGE_SLOT_ACTIVE for the slot
 * that serves, unless its upstream is held; opening that ends the drain.
 * WebSockets get a close frame (1012, RFC 6455) at once and `graceMs` to close; all the rest may go on for `withinMs`.
 * Asked again, both times are counted anew. Promoting the slot ends its drain.
 */
export interface DrainRequest {
  readonly upstream: string
  readonly slot: string
  readonly withinMs: number
  readonly graceMs: number
}

/** `POST /slots/hold`: 200 with HoldStatus. Not kept over a restart of the edge. */
export interface HoldRequest {
  readonly upstream: string
  readonly mode: HoldStatus['mode']
  /** For `paused`: a request waits this long at most, then 503 EDGE_HELD_TOO_LONG; and after this it opens by itself. */
  readonly longestMs: number
  /** For `open`: what waits is let go evenly over this time. */
  readonly spreadMs: number
}

/** `POST /slots/tally`: 200 with the Tally until now; counts of this upstream begin anew. */
export interface TallyRequest {
  readonly upstream: string
}
