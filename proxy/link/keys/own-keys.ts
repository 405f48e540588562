import { join } from 'node:path'
import { type Identity, IdentityFile, makeIdentity } from './identity.ts'

/** The key that this edge is known by, and the one that shall follow it: `own.pem` and `next.pem`. */
export class OwnKeys {
  readonly #files: Files
  #current: Identity
  #next: Identity | null

  private constructor(files: Files, current: Identity, next: Identity | null) {
    this.#files = files
    this.#current = current
    this.#next = next
  }

  /**
   * Makes a key when there is none.
   * @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  static async open(folder: string, now: Date, warn: (message: string) => void): Promise<OwnKeys> {
    const files = { own: new IdentityFile(join(folder, 'own.pem')), next: new IdentityFile(join(folder, 'next.pem')) }
    let damaged: string | null = null
    const own = await files.own.read(now, aside => {
      damaged = aside
    })
    const next = await files.next.read(now, aside => warn(`the link's next key was damaged; it is now ${aside}`))
    if (own !== null && own.fingerprint !== next?.fingerprint) return new OwnKeys(files, own, next)
    // The peer may know the next one already, which it cannot of any that is made now.
    const current = own ?? (await keep(files.own, next ?? (await makeIdentity(now)), now))
    // Last: a kill before this is the same case again.
    if (next !== null) await files.next.remove()
    if (damaged !== null) {
      const which = next === null ? 'one was made anew' : 'the next one took its place'
      warn(
        `the link's key was damaged and ${which} (kept: ${damaged}); let the other server take it: twinedge link pair`
      )
    }
    return new OwnKeys(files, current, null)
  }

  get current(): Identity {
    return this.#current
  }

  get next(): Identity | null {
    return this.#next
  }

  has(fingerprint: string): boolean {
    return fingerprint === this.#current.fingerprint || fingerprint === this.#next?.fingerprint
  }

  /** Unless there is a good one, makes the next key. @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async prepare(now: Date): Promise<void> {
    if (this.#next !== null && !isOver(this.#next, now)) return
    const next = await makeIdentity(now)
    await this.#files.next.write(next)
    this.#next = next
  }

  /** From here on the next key is the current one. @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async promote(): Promise<void> {
    const next = this.#next
    if (next === null) return
    await this.#files.own.write(next)
    this.#current = next
    this.#next = null
    await this.#files.next.remove()
  }
}

interface Files {
  readonly own: IdentityFile
  readonly next: IdentityFile
}

/** Of an identity whose time is over. */
export function isOver({ expiresAt }: Identity, now: Date): boolean {
  return Date.parse(expiresAt) <= now.getTime()
}

/** Another process may have made one since: then that is the key of both. */
async function keep(file: IdentityFile, made: Identity, now: Date): Promise<Identity> {
  const isOurs = await file.create(made)
  return isOurs ? made : ((await file.read(now, () => {})) ?? made)
}
