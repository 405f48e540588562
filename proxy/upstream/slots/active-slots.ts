import { join } from 'node:path'
import type { UpstreamConfig } from '../../config/config.ts'
import { moveStateFileAside, readStateFile, writeStateFile } from '../../state/state-file.ts'

/** Which slot of each upstream serves, in `<state>/active-slots.json`: it outlives the process and the machine's reboot. */
export class ActiveSlots {
  readonly #path: string
  readonly #warn: (message: string) => void
  #slots: ReadonlyMap<string, string>

  private constructor(path: string, slots: ReadonlyMap<string, string>, warn: (message: string) => void) {
    this.#path = path
    this.#slots = slots
    this.#warn = warn
  }

  /**
   * What cannot be understood is moved aside and told of: an edge that serves the first slot is better than none.
   * @throws EdgeError EDGE_STATE_UNWRITABLE when it is there and may not be read or moved
   */
  static async load(folder: string, now: Date, warn: (message: string) => void): Promise<ActiveSlots> {
    const path = join(folder, 'active-slots.json')
    const text = await readStateFile(path)
    const slots = text === null ? new Map<string, string>() : parse(text)
    if (slots === null) {
      const aside = await moveStateFileAside(path, now)
      warn(`${path} is damaged: the first slot of every upstream serves; it is now ${aside}`)
    }
    return new ActiveSlots(path, slots ?? new Map(), warn)
  }

  /** @returns undefined when none was promoted yet, or the one that was is not configured any more */
  of({ name, slots }: UpstreamConfig): string | undefined {
    const stored = this.#slots.get(name)
    if (stored === undefined || slots.has(stored)) return stored
    this.#warn(
      `${this.#path}: ${name} has no slot ${JSON.stringify(stored)} any more (${[...slots.keys()].join(', ')})`
    )
    return undefined
  }

  /** On disk first: what is promoted stays promoted. @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async store(upstream: string, slot: string): Promise<void> {
    const slots = new Map(this.#slots).set(upstream, slot)
    await writeStateFile(this.#path, `${JSON.stringify(Object.fromEntries(slots))}\n`, 0o600)
    this.#slots = slots
  }
}

/** @returns null for anything but names of slots by names of upstreams */
function parse(text: string): Map<string, string> | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    const pairs = Object.entries(value)
    return pairs.every(([, slot]) => typeof slot === 'string') ? new Map(pairs) : null
  } catch {
    return null
  }
}
