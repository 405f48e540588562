import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import type { LinkKey, LinkKeys as LinkKeysStatus } from '../../control/link-protocol.ts'
import { EdgeError } from '../../errors.ts'
import { sweepStateFolder } from '../../state/state-file.ts'
import { fingerprintOf, readFingerprint } from './fingerprint.ts'
import { type Identity, lifeOf } from './identity.ts'
import { OwnKeys } from './own-keys.ts'
import { type PinChange, Pins } from './pins.ts'
import { type AskPeer, Rotation } from './rotation.ts'
import { type Verdict, verdictOn } from './verdict.ts'

/** Told once it is on disk. */
export type KeyChange =
  | { readonly what: 'pinned'; readonly fingerprint: string }
  /** `isUrgent`: an operator said so, and the key may be stolen; else it was rotated out, and what stands may end by itself. */
  | { readonly what: 'forgotten'; readonly fingerprint: string; readonly isUrgent: boolean }
  /** This edge has a new key, which new lines are to be made with. */
  | { readonly what: 'renewed'; readonly fingerprint: string }

/** The keys of the link: this edge's own, and those that are taken for the peer's. In `<state>/link`. */
export class LinkKeys {
  readonly #own: OwnKeys
  readonly #pins: Pins
  readonly #listeners = new Set<(change: KeyChange) => void>()
  /** Of pinned keys, since the start: what their certificates said. */
  readonly #lives = new Map<string, Omit<LinkKey, 'fingerprint'>>()
  readonly #rotation: Rotation
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(own: OwnKeys, pins: Pins) {
    this.#own = own
    this.#pins = pins
    this.#rotation = new Rotation(own, pins, {
      inTurn: work => this.#inTurn(work),
      onRenewed: fingerprint => this.#tell({ what: 'renewed', fingerprint })
    })
  }

  /** @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  static async open(stateFolder: string, now: Date, warn: (message: string) => void): Promise<LinkKeys> {
    const folder = join(stateFolder, 'link')
    await sweepStateFolder(folder, now)
    const own = await OwnKeys.open(folder, now, warn)
    return new LinkKeys(own, await Pins.load(join(folder, 'peer.json'), now, warn))
  }

  get current(): Identity {
    return this.#own.current
  }

  get next(): Identity | null {
    return this.#own.next
  }

  get status(): LinkKeysStatus {
    const { current, next } = this.#own
    const unseen = { madeAt: null, expiresAt: null }
    const peer = this.#pins.keys.map(fingerprint => ({ fingerprint, ...(this.#lives.get(fingerprint) ?? unseen) }))
    return { own: publicOf(current), next: next === null ? null : publicOf(next), peer }
  }

  /** Our own earlier keys that the peer was not told to forget yet. */
  get dropPending(): readonly string[] {
    return this.#rotation.dropPending
  }

  /** @returns what ends the subscription */
  onChange(listener: (change: KeyChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** @param der the peer's certificate, whose key it has proved to hold */
  judge(der: Buffer, now: Date): Verdict {
    const certificate = new X509Certificate(der)
    const fingerprint = fingerprintOf(certificate)
    if (this.#own.has(fingerprint)) return 'own'
    if (this.#pins.keys.length === 0) return 'unpaired'
    if (!this.#pins.has(fingerprint)) return 'unknown'
    this.#lives.set(fingerprint, lifeOf(certificate))
    return verdictOn(certificate, now)
  }

  /** Takes a key for the peer's. @throws EdgeError EDGE_USAGE, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async pin(written: string): Promise<void> {
    const fingerprint = readFingerprint(written)
    await this.#inTurn(() => this.#change({ add: fingerprint }, false))
  }

  /** Takes it for the peer's no longer. @throws EdgeError EDGE_USAGE, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async unpin(written: string): Promise<void> {
    const fingerprint = readFingerprint(written)
    await this.#inTurn(async () => {
      const { keys } = this.#pins
      const known = keys.length === 0 ? 'there are none' : `those are ${keys.join(', ')}`
      if (!keys.includes(fingerprint)) throw usage(`${fingerprint} is none of the peer's keys: ${known}`)
      await this.#change({ drop: fingerprint }, true)
    })
  }

  /**
   * The peer's side of a rotation. Repeated, it changes nothing.
   * @param by fingerprint of the key that the asking line was made with: it is never dropped, and so neither is the last
   * @throws EdgeError LINK_KEY_UNKNOWN, EDGE_USAGE, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  async takeFromPeer(asked: PinChange, by: string): Promise<void> {
    const add = asked.add === undefined ? undefined : readFingerprint(asked.add)
    const drop = asked.drop === undefined ? undefined : readFingerprint(asked.drop)
    await this.#inTurn(async () => {
      // A thief whose key was forgotten just now must not leave another one behind.
      if (!this.#pins.has(by)) throw new EdgeError('LINK_KEY_UNKNOWN', `${by} was forgotten since its line was opened`)
      if (drop === by) throw usage(`${by} is the key of the line that asks: ask over a line with the next one`)
      await this.#change({ add, drop }, false)
    })
  }

  /** Less than 30 days are left, and no successor stands ready. An expired key is for an operator: the peer refuses it. */
  isDueForRotation(now: Date): boolean {
    return this.#rotation.isDue(now)
  }

  /**
   * Makes the next key, unless there is one. In place of a key that has expired it is used at once: no line can be made
   * with that one, so that the peer is to take the new one by hand.
   * @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  beginRotation(now: Date): Promise<void> {
    return this.#rotation.begin(now)
  }

  /**
   * Hands the next key to the peer, uses it from then on, and lets the peer forget the one before. Every step may be the
   * last before a kill: it is called again when the link is up, and does what is left; most often that is nothing.
   * What the peer could not be told to forget is in `dropPending`, and told by the next call.
   * @throws EdgeError LINK_PEER_REFUSED, or what `ask` throws: then the key is as it was; EDGE_STATE_UNWRITABLE,
   *   EDGE_DISK_FULL
   */
  finishRotation(ask: AskPeer): Promise<void> {
    return this.#rotation.finish(ask)
  }

  async #change(change: PinChange, isUrgent: boolean): Promise<void> {
    const { add } = change
    if (add !== undefined && this.#own.has(add)) {
      throw usage(`${add} is a key of this server: what it needs is the other one's, as twinedge link pair shows there`)
    }
    const { added, dropped } = await this.#pins.change(change)
    if (added !== null) this.#tell({ what: 'pinned', fingerprint: added })
    if (dropped !== null) this.#tell({ what: 'forgotten', fingerprint: dropped, isUrgent })
  }

  #tell(change: KeyChange): void {
    for (const listener of this.#listeners) listener(change)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }
}

function publicOf({ fingerprint, madeAt, expiresAt }: Identity): LinkKey {
  return { fingerprint, madeAt, expiresAt }
}

function usage(detail: string): EdgeError {
  return new EdgeError('EDGE_USAGE', detail)
}
