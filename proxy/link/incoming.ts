import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Timed } from '../deadlines.ts'
import type { EdgeError } from '../errors.ts'
import { Bygone } from './bygone.ts'
import { frame, frameOf, helloOf, OFFSET_BYTES, offsetOf, readHello } from './line/frames.ts'
import { ID_BYTES, Line, type LineOwner } from './line/line.ts'
import type { Budget } from './line/outbox.ts'
import { checkPeer, HANDSHAKE_MS, Handshakes, type Keys } from './line/secure.ts'
import { Wire, type WireContext } from './line/wire.ts'
import { RESUME_MS } from './outgoing.ts'

/** What it works with, and whom it tells. */
export interface IncomingOptions {
  readonly keys: Keys
  readonly wires: WireContext
  readonly budget: Budget
  /** A line of the peer, for HTTP. */
  onLine(line: Line): void
  /** The peer has opened a wire. */
  onPeer(): void
  /** Somebody was not let in. */
  onRefused(failure: EdgeError): void
}

const MOST_HANDSHAKES = 256
/** The peer opens its lines again within less. */
const KEEP_MS = RESUME_MS + 30_000
const TICK_MS = 5_000

/** The lines from the peer: who is let in, and which line a wire belongs to. */
export class Incoming implements LineOwner, Timed {
  dueMs = 0
  readonly #options: IncomingOptions
  readonly #lines = new Map<string, Line>()
  readonly #lostMs = new Map<Line, number>()
  readonly #wires = new Set<Wire>()
  /** Which process of the peer is at the other end, and which began a line. */
  readonly #instances = new WeakMap<Wire, string>()
  readonly #openers = new WeakMap<Line, string>()
  /** Connections in their handshake, by the port at the other end. */
  readonly #pending = new Map<string, Socket>()
  readonly #handshakes: Handshakes
  #isRetired = false
  readonly #bygone = new Bygone(KEEP_MS)
  /** The process of the peer that has come last. */
  #lastInstance = ''

  constructor(options: IncomingOptions) {
    this.#options = options
    const { keys, onRefused } = options
    this.#handshakes = new Handshakes({ keys, onRefused, onSecure: socket => this.#onSecure(socket) })
    options.wires.deadlines.watch(this)
  }

  get inUse(): number {
    return this.#lines.size
  }

  /** Nothing more goes over wires by this key. */
  cut(fingerprint: string): void {
    for (const line of [...this.#lines.values()]) if (line.wire?.fingerprint === fingerprint) line.destroy()
    for (const wire of [...this.#wires]) if (wire.fingerprint === fingerprint) this.#drop(wire)
  }

  /** Nobody new is let in; what is in flight goes on, for as long as it has its wire. */
  retire(): void {
    this.#isRetired = true
    this.#options.wires.deadlines.unwatch(this)
    const used = new Set<Wire | null>()
    for (const line of [...this.#lines.values()]) {
      if (line.wire === null) line.destroy()
      else line.emit('last')
      used.add(line.wire)
    }
    for (const wire of this.#wires) if (!used.has(wire)) wire.close()
    for (const socket of this.#pending.values()) socket.destroy()
  }

  /** What is in flight was given its time. */
  stop(): void {
    this.retire()
    for (const line of [...this.#lines.values()]) line.destroy()
  }

  onWireLost(line: Line): void {
    this.#lostMs.set(line, this.#options.wires.deadlines.nowMs)
    if (this.#isRetired || this.#openers.get(line) !== this.#lastInstance) this.#giveUp(line)
  }

  onOver(line: Line): void {
    const key = line.id.toString('hex')
    this.#lines.delete(key)
    this.#lostMs.delete(line)
    if (!line.wasReset) this.#bygone.add(key)
  }

  /** Whoever comes for it is told. */
  onUnheard(): void {}

  onDue(nowMs: number): void {
    this.dueMs = nowMs + TICK_MS
    for (const [line, lostMs] of this.#lostMs) {
      if (nowMs - lostMs > KEEP_MS) line.destroy(new Error('the other edge did not come back'))
    }
    this.#bygone.forget(nowMs)
  }

  /** A connection from an address that is welcome. */
  accept(socket: Socket): void {
    if (this.#pending.size >= MOST_HANDSHAKES) return void socket.destroy()
    const key = keyOf(socket)
    this.#pending.set(key, socket)
    socket.once('close', () => this.#pending.delete(key))
    this.#handshakes.accept(socket)
  }

  #onSecure(socket: TLSSocket): void {
    const { keys, wires, onPeer, onRefused } = this.#options
    try {
      const wire = new Wire(socket, checkPeer(socket, keys), wires, {
        onData: () => this.#drop(wire),
        onWritable: () => {},
        onClosed: () => this.#wires.delete(wire),
        onFrame: (type, payload) => this.#onFirst(wire, type, payload)
      })
      this.#pending.delete(keyOf(socket))
      this.#wires.add(wire)
      socket.once('close', () => this.#wires.delete(wire))
      wire.send(frame.hello, helloOf({ instance: wires.instance }))
      onPeer()
    } catch (error) {
      const failure = error as EdgeError
      onRefused(failure)
      socket.on('error', () => socket.destroy())
      // Else it would not hear the other end close.
      socket.resume()
      socket.end(frameOf(frame.refuse, Buffer.from(failure.code)), () =>
        setTimeout(() => socket.destroy(), HANDSHAKE_MS).unref()
      )
    }
  }

  #onFirst(wire: Wire, type: number, payload: Buffer): void {
    if (type === frame.hello) return this.#meet(wire, payload)
    const key = payload.toString('hex', 0, ID_BYTES)
    const known = this.#lines.get(key)
    if (type === frame.gone && payload.length === ID_BYTES) known?.destroy()
    else if (type === frame.open && payload.length === ID_BYTES && known === undefined) this.#begin(wire, payload)
    else if (type !== frame.resume || payload.length !== ID_BYTES + OFFSET_BYTES) this.#drop(wire)
    else if (known !== undefined) this.#resume(known, wire, payload.readUIntBE(ID_BYTES, OFFSET_BYTES))
    else wire.send(this.#bygone.has(key) ? frame.reset : frame.resumed)
  }

  #begin(wire: Wire, id: Buffer): void {
    const line = new Line(this, this.#options.budget, Buffer.from(id))
    this.#lines.set(line.id.toString('hex'), line)
    this.#openers.set(line, this.#instances.get(wire) ?? '')
    line.attach(wire, 0)
    this.#options.onLine(line)
  }

  /** @param theirs how much of ours the peer has: of a line that went on meanwhile, an old word */
  #resume(line: Line, wire: Wire, theirs: number): void {
    if (!line.canResume(theirs)) return this.#drop(wire)
    wire.send(frame.resumed, offsetOf(line.receivedBytes))
    this.#lostMs.delete(line)
    line.attach(wire, theirs)
  }

  /** Of a peer that was killed nobody will come for the lines that it had. */
  #meet(wire: Wire, payload: Buffer): void {
    const { instance = '' } = readHello(payload) ?? {}
    this.#instances.set(wire, instance)
    this.#lastInstance = instance
    for (const line of [...this.#lostMs.keys()]) if (this.#openers.get(line) !== instance) this.#giveUp(line)
  }

  #giveUp(line: Line): void {
    line.destroy(new Error('the other edge will not come for it'))
  }

  #drop(wire: Wire): void {
    this.#wires.delete(wire)
    wire.destroy()
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
