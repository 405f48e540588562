import { randomUUID } from 'node:crypto'
import { EdgeError } from '../../../proxy/errors.ts'
import type { Bundle, Heard, Piece } from '../../server/ship/protocol.ts'
import type { Packing } from './packing.ts'
import type { Receiver } from './receiver.ts'
import { Window } from './window.ts'

/** How far a ship has come. */
export interface Progress {
  /** Bytes that are there, of those that had to go; as they cross the line: compressed. */
  readonly sent: number
  readonly total: number
  /** Bytes per second. */
  readonly rate: number
}

/** Never so large that the window has no say. */
const chunkBytes = 8 << 10
const mostTries = 5

/** All that one ship sends, over however many lines. */
export class Transfer {
  readonly #progress: (progress: Progress) => void
  readonly #broken = new Map<string, number>()
  #window: Window | null = null
  #total = 0
  #there = 0
  /** Bytes of pieces, each as often as it went. */
  sentBytes = 0
  /** Of all pieces that there have been: what of them was not there at first. */
  #neededBytes = 0
  readonly #known = new Set<string>()
  readonly #id = randomUUID()

  constructor(progress: (progress: Progress) => void) {
    this.#progress = progress
  }

  get resentBytes(): number {
    return Math.max(0, this.sentBytes - this.#neededBytes)
  }

  /** That have reached the server, over all lines. */
  get there(): number {
    return this.#there
  }

  get total(): number {
    return this.#total
  }

  cut(): void {
    this.#window?.cut()
  }

  /**
   * Tells the server what will come, and sends what is not there.
   * @returns the image's id there, when another line's receiver has loaded it meanwhile; else null: it is to be loaded
   * @throws EdgeError as the server did; SHIP_CORRUPT, SSH_*
   */
  async send(packing: Packing, bundle: Bundle, receiver: Receiver): Promise<string | null> {
    receiver.say({ begin: bundle, by: this.#id })
    const answer = await receiver.next()
    if ('loaded' in answer) return answer.loaded
    if (!('kept' in answer)) throw astray(answer)
    const queue = this.#plan(bundle, answer.kept)
    const pending = new Map<string, Piece>()
    const heed = (heard: Heard): void => this.#heed(heard, pending, queue)
    while (queue.length > 0 || pending.size > 0) {
      const next = queue.shift()
      if (next === undefined) {
        heed(await receiver.next())
        continue
      }
      const [piece, from] = next
      pending.set(piece.hash, piece)
      receiver.say({ piece: piece.hash, from, bytes: piece.bytes - from })
      await this.#write((await packing.read(piece)).subarray(from), receiver, heed)
    }
    return null
  }

  async #write(content: Buffer, receiver: Receiver, heed: (heard: Heard) => void): Promise<void> {
    const window = this.#window!
    for (let at = 0; at < content.length; at += chunkBytes) {
      for (let heard = receiver.heard(); heard !== undefined; heard = receiver.heard()) heed(heard)
      while (!window.hasRoom) heed(await receiver.next())
      const chunk = content.subarray(at, at + chunkBytes)
      receiver.write(chunk)
      window.sent(chunk.length)
      this.sentBytes += chunk.length
    }
  }

  #heed(heard: Heard, pending: Map<string, Piece>, queue: [Piece, number][]): void {
    if ('at' in heard) {
      this.#there += this.#window!.acked(heard.at)
      this.#tell()
    } else if ('piece' in heard) {
      const piece = pending.get(heard.piece)
      pending.delete(heard.piece)
      if (!heard.isGood && piece) queue.push([this.#again(piece), 0])
    } else throw astray(heard)
  }

  /** @returns what is to go, and from where on in each */
  #plan({ layers }: Bundle, kept: Readonly<Record<string, number>>): [Piece, number][] {
    const pieces = new Map(layers.flatMap(layer => layer.pieces).map(piece => [piece.hash, piece]))
    const queue: [Piece, number][] = []
    let missing = 0
    for (const piece of pieces.values()) {
      const from = kept[piece.hash] ?? 0
      if (!this.#known.has(piece.hash)) this.#neededBytes += piece.bytes - from
      this.#known.add(piece.hash)
      missing += piece.bytes - from
      // What is nearly there goes first, and is whole then.
      if (from < piece.bytes) queue[from > 0 ? 'unshift' : 'push']([piece, from])
    }
    this.#total = this.#neededBytes
    this.#there = this.#total - missing
    this.#window ??= new Window(this.#total, () => performance.now())
    this.#window.lost(this.sentBytes - this.#there)
    this.#tell()
    return queue
  }

  #again(piece: Piece): Piece {
    const tries = (this.#broken.get(piece.hash) ?? 0) + 1
    this.#broken.set(piece.hash, tries)
    if (tries >= mostTries) throw new EdgeError('SHIP_CORRUPT', `a piece has come broken ${tries} times`)
    this.#there -= piece.bytes
    return piece
  }

  #tell(): void {
    this.#progress({ sent: this.#there, total: this.#total, rate: this.#window?.rate ?? 0 })
  }
}

function astray(heard: Heard): EdgeError {
  return new EdgeError('SERVER_TOOL_OTHER', `the server said ${Object.keys(heard).join()} where nobody had asked`)
}
