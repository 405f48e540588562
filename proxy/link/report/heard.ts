import { join } from 'node:path'
import type { PeerReport } from '../../control/protocol.ts'
import { EdgeError } from '../../errors.ts'
import { moveStateFileAside, readStateFile, writeStateFile } from '../../state/state-file.ts'
import type { Probe } from '../../upstream/health-check.ts'
import { readReport } from './read.ts'

interface Heard {
  readonly report: PeerReport
  readonly at: Date
}

/**
 * What the peer told of itself last, in `<state>/link/heard.json`: its ACME thumbprint is needed most after a restart
 * while the link is down.
 */
export class LastReport {
  readonly #path: string
  readonly #warn: (message: string) => void
  #heard: Heard | null
  /** It was told to this process. */
  #isNew = false
  /** Of what is on disk, whatever changes little by little left out. */
  #stored: string
  #hasWarned = false
  /** One write at a time. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, heard: Heard | null, warn: (message: string) => void) {
    this.#path = path
    this.#heard = heard
    this.#stored = heard === null ? '' : lastingOf(heard.report)
    this.#warn = warn
  }

  /**
   * What cannot be understood is moved aside and told of: the peer will tell anew.
   * @throws EdgeError EDGE_STATE_UNWRITABLE when it is there and may not be read or moved
   */
  static async load(stateFolder: string, now: Date, warn: (message: string) => void): Promise<LastReport> {
    const path = join(stateFolder, 'link', 'heard.json')
    const text = await readStateFile(path)
    const heard = text === null ? null : parse(text)
    if (text !== null && heard === null) {
      const aside = await moveStateFileAside(path, now)
      warn(`${path} is damaged: nothing is known of the other server until it is heard of; it is now ${aside}`)
    }
    return new LastReport(path, heard, warn)
  }

  get report(): PeerReport | null {
    return this.#heard?.report ?? null
  }

  /** When it came; of one from the disk: when it was written. */
  get at(): Date | null {
    return this.#heard?.at ?? null
  }

  /** Of the peer's ACME account. */
  get thumbprint(): string | null {
    return this.#heard?.report.thumbprint ?? null
  }

  /** Whether the peer said that it can serve this by itself: what it has from us would only come back. */
  look(upstream: string): Probe {
    if (this.#heard === null || !this.#isNew)
      return { isGood: false, saw: 'the other server has not told of itself yet' }
    const found = this.#heard.report.upstreams.find(({ name }) => name === upstream)
    if (found === undefined) return { isGood: false, saw: `the other server has no ${upstream}` }
    const { isUp, isLocal, isBorrowed, saw } = found
    if (isLocal && !isBorrowed) return { isGood: isUp, saw }
    return { isGood: false, saw: isLocal ? saw : `the other server has ${upstream} from here` }
  }

  /** It counts at once; what fails on disk is told of, and tried again with the next one. */
  async take(report: PeerReport, at: Date): Promise<void> {
    this.#heard = { report, at }
    this.#isNew = true
    const lasting = lastingOf(report)
    this.#writing = this.#writing.then(() => this.#store({ report, at }, lasting))
    await this.#writing
  }

  async #store(heard: Heard, lasting: string): Promise<void> {
    if (lasting === this.#stored) return
    try {
      await writeStateFile(this.#path, `${JSON.stringify(heard)}\n`, 0o600)
      this.#stored = lasting
      this.#hasWarned = false
    } catch (cause) {
      // With every report again, it would be all that the log is about.
      if (!this.#hasWarned)
        this.#warn(`what the other server told is not kept over a restart: ${(cause as Error).message}`)
      this.#hasWarned = true
    }
  }
}

/** Every few seconds something changes in a report; what is worth a write to the disk does not. */
function lastingOf({ server, version, thumbprint, tlsMode, domains, agreed }: PeerReport): string {
  return JSON.stringify([server, version, thumbprint, tlsMode, domains, agreed])
}

function parse(text: string): Heard | null {
  try {
    const { at, report } = JSON.parse(text) as { at: unknown; report: unknown }
    const read = readReport(JSON.stringify(report) ?? '')
    const since = new Date(String(at))
    return read instanceof EdgeError || Number.isNaN(since.getTime()) ? null : { report: read, at: since }
  } catch {
    return null
  }
}
