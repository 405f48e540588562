import { EdgeError } from '../../errors.ts'
import { moveStateFileAside, readStateFile, writeStateFile } from '../../state/state-file.ts'
import { readFingerprint } from './fingerprint.ts'

/** What this edge has to remember of the peer. */
interface Remembered {
  /** Fingerprints of the keys that are taken for the peer's. */
  readonly keys: readonly string[]
  /** Of keys of our own that the peer is still to forget. */
  readonly drop: readonly string[]
}

/** Fingerprints, as `fingerprintOf` writes them. */
export interface PinChange {
  readonly add?: string | undefined
  readonly drop?: string | undefined
}

/** The peer's key, its next one, and room for a person's errors; a peer that goes mad must not fill the disk. */
const mostPins = 8
const nothing: Remembered = { keys: [], drop: [] }

/** `<state>/link/peer.json`: on disk before anybody relies on it. */
export class Pins {
  readonly #path: string
  #held: Remembered

  private constructor(path: string, held: Remembered) {
    this.#path = path
    this.#held = held
  }

  /**
   * What cannot be understood is moved aside and told of: nobody is let in by half a list.
   * @throws EdgeError EDGE_STATE_UNWRITABLE when it is there and may not be read or moved
   */
  static async load(path: string, now: Date, warn: (message: string) => void): Promise<Pins> {
    const text = await readStateFile(path)
    const held = text === null ? nothing : parse(text)
    if (held === null) {
      const aside = await moveStateFileAside(path, now)
      warn(`${path} is damaged: no key is taken for the peer's until twinedge link pair; it is now ${aside}`)
    }
    return new Pins(path, held ?? nothing)
  }

  get keys(): readonly string[] {
    return this.#held.keys
  }

  get drop(): readonly string[] {
    return this.#held.drop
  }

  has(fingerprint: string): boolean {
    return this.#held.keys.includes(fingerprint)
  }

  /**
   * @returns what was not so before; null where nothing had to be done
   * @throws EdgeError EDGE_USAGE when there are too many, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  async change({ add, drop }: PinChange): Promise<{ added: string | null; dropped: string | null }> {
    const added = add === undefined || this.has(add) ? null : add
    const dropped = drop !== undefined && this.has(drop) ? drop : null
    if (added === null && dropped === null) return { added, dropped }
    const keys = [...this.keys, ...(added === null ? [] : [added])].filter(key => key !== dropped)
    if (keys.length > mostPins) {
      throw new EdgeError('EDGE_USAGE', `there are ${mostPins} keys of the peer already: forget one of them first`)
    }
    await this.store({ keys })
    return { added, dropped }
  }

  /** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL; then nothing has changed */
  async store(change: Partial<Remembered>): Promise<void> {
    const wanted = { ...this.#held, ...change }
    await writeStateFile(this.#path, `${JSON.stringify(wanted, null, 2)}\n`, 0o600)
    this.#held = wanted
  }
}

/** @returns null for anything but two lists of fingerprints */
function parse(text: string): Remembered | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    const { keys, drop } = value as { keys?: unknown; drop?: unknown }
    return areFingerprints(keys) && areFingerprints(drop) ? { keys, drop } : null
  } catch {
    return null
  }
}

function areFingerprints(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(one => typeof one === 'string' && readFingerprint(one) === one)
}
