import { createHash, randomBytes } from 'node:crypto'
import {
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile
} from 'node:fs/promises'
import { join } from 'node:path'
import { isProcessGone } from '../../record/lock.ts'
import type { Piece } from './protocol.ts'
import { raiseFull } from './room.ts'

/** What nobody has come back for is removed after this time. */
const keepMs = 3 * 24 * 3_600_000
/** A visit shows so often that it lasts, and is over for others when it has not for so long. */
const visitMs = { show: 20_000, over: 120_000 }
const visitPrefix = 'visit-'

/**
 * The pieces that laptops have sent, by their hashes. One that is not whole has a file of its own for every laptop that
 * sends it, and what another had sent of it is taken over by copying: nobody writes to what somebody else writes to.
 * What a visit has named stays while it lasts, whoever else has no more use for it.
 */
export class Pieces {
  readonly folder: string
  /** Of this visit alone; it goes with it. */
  readonly aside: string
  readonly #now: () => number
  #showing: NodeJS.Timeout | undefined
  #by = ''

  constructor(folder: string, now: () => number) {
    this.folder = folder
    this.aside = join(folder, `${visitPrefix}${process.pid}-${randomBytes(6).toString('hex')}`)
    this.#now = now
  }

  /** Makes the folder, and clears it of what is old. */
  async open(): Promise<void> {
    await mkdir(this.aside, { recursive: true, mode: 0o700 })
    const show = (): Promise<void> => utimes(this.aside, this.#now() / 1_000, this.#now() / 1_000).catch(() => {})
    await show()
    this.#showing = setInterval(show, visitMs.show).unref()
    for (const name of await readdir(this.folder)) {
      const isVisit = name.startsWith(visitPrefix)
      const isOld = isVisit ? this.#isOver(name) : this.#isOlder(name, keepMs)
      if (await isOld) await rm(join(this.folder, name), { recursive: true, force: true })
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#showing)
    await rm(this.aside, { recursive: true, force: true })
  }

  /**
   * Keeps these for as long as this visit lasts. To be called before it is told what is here.
   * @param by of several visits the same, as a laptop makes when its line is cut: they are no others to each other
   */
  async claim(pieces: readonly Piece[], by: string): Promise<void> {
    this.#by = by
    const claim: Claim = { by, hashes: pieces.map(({ hash }) => hash) }
    await writeFile(join(this.aside, claimName), JSON.stringify(claim), { mode: 0o600 }).catch(raiseFull)
  }

  /** How many bytes of each are here. */
  async kept(pieces: readonly Piece[]): Promise<Record<string, number>> {
    const wanted = new Map(pieces.map(({ hash, bytes }) => [hash, bytes]))
    const found: Record<string, number> = {}
    for (const name of await readdir(this.folder)) {
      const [hash = '', part] = name.split('.')
      const whole = wanted.get(hash)
      if (whole === undefined) continue
      const { size } = await stat(join(this.folder, name)).catch(() => ({ size: 0 }))
      // A part that has all of its bytes was not found good, or nobody has looked: it begins anew.
      const bytes = part === undefined ? whole : size < whole ? size : 0
      found[hash] = Math.max(found[hash] ?? 0, bytes)
    }
    return found
  }

  /**
   * Writes what comes of a piece. What has come when the stream breaks off is kept.
   * @returns whether the piece is whole and the one; null when the stream broke off
   * @throws EdgeError SHIP_DISK_FULL
   */
  async take({ hash, bytes }: Piece, from: number, content: AsyncIterable<Buffer>): Promise<boolean | null> {
    const own = join(this.folder, `${hash}.${randomBytes(6).toString('hex')}`)
    // Gone since it was told: what comes is read, and cannot be used.
    const isUsable = (await this.#takeOver(hash, from, own).catch(raiseFull)) === from
    let left = bytes - from
    const file = await open(own, 'a', 0o600).catch(raiseFull)
    try {
      for await (const chunk of content) {
        if (isUsable) await file.appendFile(chunk).catch(raiseFull)
        left -= chunk.length
      }
      if (left > 0) return null
      await file.datasync().catch(raiseFull)
    } finally {
      await file.close()
    }
    return await this.#settle(hash, own)
  }

  /** @throws when it is not here */
  read(hash: string): Promise<Buffer> {
    return readFile(join(this.folder, hash))
  }

  /** This visit needs nothing any more. */
  async withdraw(): Promise<void> {
    await rm(join(this.aside, claimName), { force: true })
  }

  /** Those that no other visit has named, with whatever there is of them. This one has no more use for them. */
  async release(hashes: Iterable<string>): Promise<void> {
    // First of all: of two that release the same at once, the second sees that nobody else needs it.
    await this.withdraw()
    const left = new Set(hashes)
    for (const name of (await readdir(this.folder)).filter(name => name.startsWith(visitPrefix))) {
      const claim = (await this.#isOver(name)) ? null : await this.#claimOf(join(this.folder, name))
      if (claim !== null && claim.by !== this.#by) for (const hash of claim.hashes) left.delete(hash)
    }
    await this.remove(left)
  }

  /** Whoever needs them: with whatever there is of them. */
  async remove(hashes: Iterable<string>): Promise<void> {
    const all = new Set(hashes)
    for (const name of await readdir(this.folder)) {
      if (all.has(name.split('.')[0]!)) await rm(join(this.folder, name), { force: true })
    }
  }

  async #claimOf(visit: string): Promise<Claim | null> {
    const text = await readFile(join(visit, claimName), 'utf8').catch(() => '')
    try {
      return JSON.parse(text) as Claim
    } catch {
      return null // it has named nothing yet, or is writing it, and looks what is here then
    }
  }

  /** Its process is gone; or its number is another's by now. */
  async #isOver(visit: string): Promise<boolean> {
    return isProcessGone(Number(visit.split('-')[1])) || (await this.#isOlder(visit, visitMs.over))
  }

  async #isOlder(name: string, ms: number): Promise<boolean> {
    const found = await stat(join(this.folder, name)).catch(() => null)
    return found !== null && this.#now() - found.mtimeMs > ms
  }

  async #takeOver(hash: string, from: number, own: string): Promise<number> {
    if (from === 0) return 0
    for (const name of await readdir(this.folder)) {
      const file = join(this.folder, name)
      if (!name.startsWith(`${hash}.`) || (await stat(file)).size < from) continue
      await copyFile(file, own)
      await truncate(own, from)
      return from
    }
    return 0
  }

  /** Another laptop may settle the same piece at any moment, and removes this part of it then. */
  async #settle(hash: string, own: string): Promise<boolean> {
    const whole = join(this.folder, hash)
    const content = await readFile(own).catch(() => null)
    const isOwnGood = content !== null && createHash('sha256').update(content).digest('hex') === hash
    const isSettled = isOwnGood && (await rename(own, whole).then(() => true, raiseUnlessGone))
    const isGood = isSettled || (await stat(whole).then(() => true, raiseUnlessGone))
    // Of a piece that is whole the parts are no use; of one that is not, they may be what broke it.
    const parts = (await readdir(this.folder)).filter(name => name.startsWith(`${hash}.`))
    for (const name of parts) await rm(join(this.folder, name), { force: true })
    return isGood
  }
}

interface Claim {
  readonly by: string
  readonly hashes: readonly string[]
}

const claimName = 'pieces.json'

function raiseUnlessGone(cause: NodeJS.ErrnoException): false {
  if (cause.code === 'ENOENT') return false
  throw cause
}
