/** What a single line may have open in any case, and at most: more than the kernel has under way, so that it is not the limit. */
export const LEAST_BYTES = 262_144
export const MOST_BYTES = 8_388_608
/** TCP doubles what is under way with each round trip, and what was read is told a round trip late. */
const TRIPS = 4
/** Acknowledgements come in lumps: shorter times tell of those. */
const SHORTEST_MS = 50
/** A lost packet keeps the reader waiting for a round trip or five: after it he reads on as before. */
const HALVED_MS = 5_000

/**
 * How much a line may have sent that its reader has not taken: four times what he took within a round trip lately, so that
 * TCP's own window is the limit while he reads, and that who does not read holds little of both edges' memory.
 */
class Window {
  readonly #clock: () => number
  readonly #tripMs: () => number
  #beganMs: number
  /** In this round trip so far, and the most in those before, which fades. */
  #taken = 0
  #most = 0

  /** @param tripMs how long a round trip takes now, in ms */
  constructor(tripMs: () => number, clock: () => number) {
    this.#tripMs = tripMs
    this.#clock = clock
    this.#beganMs = clock()
  }

  get bytes(): number {
    this.#turn()
    return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, TRIPS * Math.max(this.#taken, this.#most)))
  }

  take(bytes: number): void {
    this.#turn()
    this.#taken += bytes
  }

  #turn(): void {
    const nowMs = this.#clock()
    const tripMs = Math.max(SHORTEST_MS, this.#tripMs())
    const passedMs = nowMs - this.#beganMs
    if (passedMs < tripMs) return
    this.#most = Math.max(this.#taken, this.#most * 0.5 ** (passedMs / HALVED_MS))
    this.#taken = 0
    this.#beganMs = nowMs
  }
}

/** Bytes that all lines together keep for the case that their connection is lost. */
export class Budget {
  used = 0
  readonly mostBytes: number
  readonly #tripMs: () => number | null
  readonly #clock: () => number

  /**
   * @param tripMs how long a round trip takes now, in ms; null: not known
   * @param clock in ms, never going back
   */
  constructor(mostBytes: number, tripMs: () => number | null = () => null, clock = () => performance.now()) {
    this.mostBytes = mostBytes
    this.#tripMs = tripMs
    this.#clock = clock
  }

  /** Of a line of its own. */
  openWindow(): Window {
    return new Window(() => this.#tripMs() ?? 0, this.#clock)
  }
}

/**
 * What was sent on a line and has not been acknowledged yet, so that it can be sent again over another connection. Its
 * end counts as one byte more, which is acknowledged like the others.
 */
export class Outbox {
  readonly #budget: Budget
  readonly #window: Window
  #chunks: Buffer[] = []
  /** Offset of the first byte that is kept. */
  #from = 0
  /** How many bytes were ever put in. */
  #dataEnd = 0
  /** Up to where who reads at the other side has taken it. */
  #taken = 0
  #hasEnd = false
  /** What went before the request that is under way, in either direction. */
  #before = { sent: 0, received: 0 }

  constructor(budget: Budget) {
    this.#budget = budget
    this.#window = budget.openWindow()
  }

  /** Whether it is time to wait: the other side has to hold what its reader has not taken. */
  get isFull(): boolean {
    const openBytes = this.#dataEnd - this.#taken
    if (openBytes < LEAST_BYTES) return false
    return openBytes >= this.#window.bytes || this.#budget.used >= this.#budget.mostBytes
  }

  /** How many bytes the other side is known to have. */
  get begin(): number {
    return this.#from
  }

  get hasEnd(): boolean {
    return this.#hasEnd
  }

  /** Whether the end is among what the other side has. */
  get isEndKnown(): boolean {
    return this.#from > this.#dataEnd
  }

  /** Whether the other side has taken all there ever was, the end as well. */
  get isDone(): boolean {
    return this.#hasEnd && this.#taken === this.#end
  }

  /** What has to be sent again. */
  get kept(): readonly Buffer[] {
    return this.#chunks
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#dataEnd += chunk.length
    this.#budget.used += chunk.length
  }

  /** Another request begins. @param receivedBytes on the whole line */
  beginTurn(receivedBytes: number): void {
    this.#before = { sent: this.#dataEnd, received: receivedBytes }
  }

  /** Whether the other side has acknowledged something of it, or sent something since. */
  isTurnHeard(receivedBytes: number): boolean {
    return this.#from > this.#before.sent || receivedBytes > this.#before.received
  }

  /** Nothing more will be put in. */
  close(): void {
    this.#hasEnd = true
  }

  /** Who reads at the other side has taken all before `offset`. @returns false: he cannot have */
  acknowledge(offset: number): boolean {
    if (offset > this.#end) return false
    if (offset > this.#taken) this.#window.take(offset - this.#taken)
    this.#taken = Math.max(this.#taken, offset)
    if (offset > this.#from) this.#drop(offset)
    return true
  }

  /** @returns false: the other side cannot have all before `offset`, or has lost some that it had */
  canResume(offset: number): boolean {
    return offset <= this.#end && offset >= this.#from
  }

  /** The other side has all before `offset`, taken or not: as `canResume()` allows. */
  resumeFrom(offset: number): void {
    this.#drop(offset)
  }

  clear(): void {
    this.#drop(this.#end)
  }

  get #end(): number {
    return this.#dataEnd + (this.#hasEnd ? 1 : 0)
  }

  /** All before `offset`. */
  #drop(offset: number): void {
    const bytes = Math.min(offset, this.#dataEnd) - Math.min(this.#from, this.#dataEnd)
    this.#from = offset
    this.#budget.used -= bytes
    let left = bytes
    let whole = 0
    while (left > 0 && this.#chunks[whole]!.length <= left) left -= this.#chunks[whole++]!.length
    if (whole > 0) this.#chunks.splice(0, whole)
    if (left > 0) this.#chunks[0] = this.#chunks[0]!.subarray(left)
  }
}
