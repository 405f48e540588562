import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** What becomes of a connection: after so many bytes of either side it is cut, with what came over that. */
export interface Fate {
  readonly bytes: number
  readonly isReset: boolean
}

/** One connection through the relay: the side that came, and the side that it leads to. */
type Pair = readonly [near: Socket, far: Socket]

/** The way between two edges, on which everything can be cut, at any byte, or held up. */
export class Relay {
  port = 0
  /** Of the connections that come from now on, in turn; then none is cut. */
  fates: Fate[] = []
  readonly pairs = new Set<Pair>()
  /** How many ever came. */
  count = 0
  /** Those over which the far side has said something since `forgetAnswers`. */
  readonly #answered = new Set<Pair>()
  #isStalled = false
  #isClosed = false

  /** A relay that is gone when the test ends. */
  static async start(t: Test, target: () => number): Promise<Relay> {
    const relay = new Relay()
    const server = createServer({ noDelay: true }, near => relay.#take(near, target()))
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    relay.port = (server.address() as AddressInfo).port
    t.teardown(() => {
      relay.cut()
      server.close()
    })
    return relay
  }

  /** Whether something has come back over each that is open since `forgetAnswers`. */
  get isAnswered(): boolean {
    return [...this.pairs].every(pair => this.#answered.has(pair))
  }

  forgetAnswers(): void {
    this.#answered.clear()
  }

  /** All connections, now. */
  cut(): void {
    for (const pair of this.pairs) cutPair(pair, true)
  }

  /** Nothing goes through, and nobody is told. */
  stall(): void {
    this.#isStalled = true
    for (const side of [...this.pairs].flat()) side.pause()
  }

  goOn(): void {
    this.#isStalled = false
    for (const side of [...this.pairs].flat()) side.resume()
  }

  /** From now on nobody is let through; those who are stay. */
  close(): void {
    this.#isClosed = true
  }

  open(): void {
    this.#isClosed = false
  }

  #take(near: Socket, port: number): void {
    near.on('error', () => {})
    this.count++
    if (this.#isClosed) return void near.resetAndDestroy()
    const far = connect({ port, host: '127.0.0.1', noDelay: true })
    const pair: Pair = [near, far]
    this.pairs.add(pair)
    const fate = this.fates.shift()
    const left = { bytes: fate?.bytes ?? Number.POSITIVE_INFINITY }
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on('data', (chunk: Buffer) => {
        const part = chunk.length <= left.bytes ? chunk : chunk.subarray(0, left.bytes)
        left.bytes -= part.length
        if (from === far) this.#answered.add(pair)
        if (!to.write(part)) from.pause()
        if (left.bytes === 0) cutPair(pair, fate!.isReset)
      })
      to.on('drain', () => void (this.#isStalled || from.resume()))
      from.on('error', () => {})
      from.on('end', () => to.end())
      from.on('close', () => {
        this.pairs.delete(pair)
        this.#answered.delete(pair)
        to.destroySoon()
      })
      if (this.#isStalled) from.pause()
    }
  }
}

/** By a reset, or as if each side had ended: then what was sent before arrives. */
function cutPair(pair: Pair, isReset: boolean): void {
  for (const side of pair) {
    if (isReset) side.resetAndDestroy()
    else side.destroySoon()
  }
}
