import type { HostPort } from '../config/config.ts'
import type { Timed } from '../deadlines.ts'
import { EdgeError } from '../errors.ts'
import { frame, OFFSET_BYTES, offsetOf } from './line/frames.ts'
import { Line, type LineOwner } from './line/line.ts'
import type { Budget } from './line/outbox.ts'
import type { Keys } from './line/secure.ts'
import type { Wire, WireContext, WireUser } from './line/wire.ts'
import { Spares, type SparesOwner } from './spares.ts'

/** What it works with, and whom it tells. */
export interface OutgoingOptions {
  readonly peer: HostPort
  readonly keys: Keys
  readonly wires: WireContext
  readonly budget: Budget
  /** The first wire is there, or the last is gone: then `failure` says why. */
  onState(failure: EdgeError | null): void
}

const TICK_MS = 500
/** How long a line may be without a wire; the peer keeps its end for a little longer. */
export const RESUME_MS = 120_000

/** The lines to the peer: each gets a wire that is open already, and another one when it loses that. */
export class Outgoing implements LineOwner, SparesOwner, Timed {
  dueMs = 0
  /** Lines that went on over another wire. */
  resumed = 0
  readonly spares: Spares
  readonly #options: OutgoingOptions
  readonly #lines = new Set<Line>()
  /** The process that a line was begun with. */
  readonly #instances = new WeakMap<Line, string>()
  /** Since when it waits for a wire. */
  readonly #lostMs = new WeakMap<Line, number>()
  readonly #resuming = new Set<Wire>()
  #waiting: Line[] = []
  #isStopped = false

  constructor(options: OutgoingOptions) {
    this.#options = options
    const { peer, keys, wires } = options
    this.spares = new Spares(peer, keys, wires, this)
    wires.deadlines.watch(this)
    this.spares.fill()
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get served(): number {
    return Array.from(this.#lines).filter(({ wire }) => wire !== null).length
  }

  get inUse(): number {
    return this.#lines.size
  }

  /** A line to the peer: over a wire that is open, or as soon as there is one. It says 'connect', as a socket does. */
  take(): Line {
    const line = new Line(this, this.#options.budget)
    this.#lines.add(line)
    this.#lostMs.set(line, this.#options.wires.deadlines.nowMs)
    // Not at once: who asked is not listening yet.
    setImmediate(() => this.#provide(line))
    return line
  }

  /** Nothing more goes over wires by this key; lines go on over others, if there are any. */
  cut(fingerprint: string): void {
    const wires = [...this.#resuming, ...Array.from(this.#lines, ({ wire }) => wire)]
    for (const wire of wires) if (wire?.fingerprint === fingerprint) wire.fail('its key counts no more')
  }

  /** Nothing new goes this way; what is under way does, for as long as it has its wire. */
  retire(): void {
    this.#isStopped = true
    this.#options.wires.deadlines.unwatch(this)
    // First: the lines that end would have them replaced.
    this.spares.stop()
    for (const line of this.#lines) {
      if (line.wire === null) line.destroy(new EdgeError('LINK_DOWN', 'the link leads elsewhere now'))
      else line.emit('last')
    }
    for (const wire of this.#resuming) wire.close()
  }

  stop(): void {
    this.retire()
    for (const line of this.#lines) line.destroy(new EdgeError('LINK_DOWN', 'the link was stopped'))
  }

  onWire(): void {
    for (const line of this.#waiting.splice(0)) this.#provide(line)
  }

  onState(failure: EdgeError | null): void {
    this.#options.onState(failure)
  }

  onWireLost(line: Line, why: string): void {
    if (this.#isStopped) return void line.destroy(new EdgeError('LINK_DOWN', why))
    this.#lostMs.set(line, this.#options.wires.deadlines.nowMs)
    this.spares.lookAgain(why)
    line.emit('away')
    this.#provide(line)
  }

  onOver(line: Line): void {
    this.#lines.delete(line)
    if (line.hasBegun && line.wire === null) this.onUnheard(line)
    this.#waiting = this.#waiting.filter(other => other !== line)
    this.spares.fill()
  }

  onUnheard({ id }: Line): void {
    this.spares.tell(frame.gone, id)
  }

  onDue(nowMs: number): void {
    this.dueMs = nowMs + TICK_MS
    for (const line of [...this.#waiting]) this.#judgeWait(line, nowMs)
    this.spares.tick(nowMs)
  }

  #provide(line: Line): void {
    if (line.hasBegun) this.#judgeWait(line, this.#options.wires.deadlines.nowMs)
    if (line.destroyed || this.#isStopped) return
    const wire = this.spares.take()
    if (wire === undefined) this.#waiting.push(line)
    else if (line.hasBegun) this.#resume(line, wire)
    else this.#begin(line, wire)
    this.spares.fill()
  }

  #begin(line: Line, wire: Wire): void {
    this.#instances.set(line, this.spares.instanceOf(wire))
    wire.send(frame.open, line.id)
    line.attach(wire, 0)
    line.emit('connect')
  }

  #resume(line: Line, wire: Wire): void {
    this.#resuming.add(wire)
    wire.send(frame.resume, Buffer.concat([line.id, offsetOf(line.receivedBytes)]))
    wire.user = {
      onData: () => wire.fail('data before the answer to a resume'),
      onWritable: () => {},
      onClosed: () => {
        this.#resuming.delete(wire)
        this.#provide(line)
      },
      onFrame: (type, payload) => {
        if (type !== frame.resumed && type !== frame.reset) return
        this.#resuming.delete(wire)
        if (type === frame.resumed && payload.length === OFFSET_BYTES) this.#goOn(line, wire, payload)
        else this.#missed(line, wire, type === frame.reset)
      }
    } satisfies WireUser
  }

  /** The peer's end of the line is on this wire already. */
  #goOn(line: Line, wire: Wire, payload: Buffer): void {
    const theirs = payload.readUIntBE(0, OFFSET_BYTES)
    if (!line.destroyed && line.canResume(theirs)) {
      this.resumed++
      return line.attach(wire, theirs)
    }
    wire.send(frame.reset)
    wire.close()
    line.destroy(new Error('the line is out of step'))
  }

  /** The peer has no such line. If it never had, it begins anew. */
  #missed(line: Line, wire: Wire, isOver: boolean): void {
    const hasRestarted = this.#instances.get(line) !== this.spares.instanceOf(wire)
    const awayMs = this.#options.wires.deadlines.nowMs - this.#lostMs.get(line)!
    const isNew = line.receivedBytes === 0 && line.canResume(0)
    const isUnknown = !isOver && !hasRestarted && isNew && awayMs < RESUME_MS
    if (isUnknown && !line.destroyed) return this.#begin(line, wire)
    this.spares.keep(wire)
    const why = isOver ? 'reset by the other edge' : 'the line was away for too long'
    line.destroy(new Error(hasRestarted ? 'the other edge has restarted' : why))
  }

  /** One that nobody has heard of need not wait for as long as one that is missed: whoever asked is told. */
  #judgeWait(line: Line, nowMs: number): void {
    const waitedMs = nowMs - this.#lostMs.get(line)!
    if (!line.isUnheard) {
      if (waitedMs > RESUME_MS) line.destroy(new Error('the line was away for too long'))
    } else if (waitedMs > this.#options.wires.roundTrip.patienceMs) {
      line.destroy(new EdgeError('LINK_DOWN', this.spares.failure?.detail ?? 'no line was free in time'))
    }
  }
}
