import { EdgeError } from '../../errors.ts'
import { isOver, type OwnKeys } from './own-keys.ts'
import type { Pins } from './pins.ts'

/** What one edge may ask of the other's list of its keys. */
export type KeyOrder = { readonly add: string } | { readonly drop: string }

/**
 * Asks the peer over a line; 200: it is on the peer's disk.
 * @throws EdgeError when no answer came
 */
export type AskPeer = (method: 'POST', path: '/.link/keys', body: KeyOrder) => Promise<{ readonly status: number }>

const rotationMs = 30 * 86_400_000

interface Surroundings {
  /** Of what changes files: one after the other. */
  inTurn(work: () => Promise<void>): Promise<void>
  /** With the fingerprint of the key that is used from now on. */
  onRenewed(fingerprint: string): void
}

/** From one key of this edge to the next, without a moment in which the peer does not know the one in use. */
export class Rotation {
  readonly #own: OwnKeys
  readonly #pins: Pins
  readonly #surroundings: Surroundings
  #finishing: Promise<void> | null = null

  constructor(own: OwnKeys, pins: Pins, surroundings: Surroundings) {
    this.#own = own
    this.#pins = pins
    this.#surroundings = surroundings
  }

  get dropPending(): readonly string[] {
    // It is written before the key is replaced, and a kill may have come in between.
    return this.#pins.drop.filter(fingerprint => !this.#own.has(fingerprint))
  }

  isDue(now: Date): boolean {
    const leftMs = Date.parse(this.#own.current.expiresAt) - now.getTime()
    return this.#own.next === null && leftMs > 0 && leftMs < rotationMs
  }

  async begin(now: Date): Promise<void> {
    await this.#surroundings.inTurn(async () => {
      await this.#own.prepare(now)
      if (isOver(this.#own.current, now)) await this.#promote()
    })
  }

  /** Who asks while it goes on waits for the same: a second order, over an older line, would be refused. */
  finish(ask: AskPeer): Promise<void> {
    this.#finishing ??= this.#finish(ask).finally(() => {
      this.#finishing = null
    })
    return this.#finishing
  }

  /** The peer is never asked in a turn: it may be rotating too, and would wait for ours. */
  async #finish(ask: AskPeer): Promise<void> {
    const { inTurn } = this.#surroundings
    const { next } = this.#own
    if (next !== null) {
      await order(ask, { add: next.fingerprint })
      await inTurn(async () => {
        if (this.#own.next === next) await this.#promote()
      })
    }
    for (const fingerprint of this.dropPending) {
      // The peer refuses it over a line that was made with that key, and may be gone by now: there is a next time.
      if (!(await isDone(order(ask, { drop: fingerprint })))) return
      await inTurn(() => this.#pins.store({ drop: this.#pins.drop.filter(one => one !== fingerprint) }))
    }
  }

  async #promote(): Promise<void> {
    // First: the peer would keep a key that nobody remembers.
    await this.#pins.store({ drop: [...new Set([...this.#pins.drop, this.#own.current.fingerprint])] })
    await this.#own.promote()
    this.#surroundings.onRenewed(this.#own.current.fingerprint)
  }
}

/** @throws EdgeError LINK_PEER_REFUSED, or what `ask` throws */
async function order(ask: AskPeer, body: KeyOrder): Promise<void> {
  const { status } = await ask('POST', '/.link/keys', body)
  if (status === 200) return
  throw new EdgeError('LINK_PEER_REFUSED', `the peer answered ${status} to ${JSON.stringify(body)}`)
}

/** @returns false when the peer refused it or could not be asked */
async function isDone(ordered: Promise<void>): Promise<boolean> {
  try {
    await ordered
    return true
  } catch (cause) {
    if (cause instanceof EdgeError) return false
    throw cause
  }
}
