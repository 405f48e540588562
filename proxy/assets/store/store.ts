import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { AssetsConfig } from '../../config/config.ts'
import type { AssetsAnswer } from '../../control/protocol.ts'
import { EdgeError } from '../../errors.ts'
import { moveStateFileAside, readStateFile, unwritable, writeStateFile } from '../../state/state-file.ts'
import { type Unpacked, unpack } from './archive.ts'
import { type Blob, Blobs } from './blobs.ts'
import { type Build, buildOf, hashesOf, indexOf, readBuild, surplusOf, writtenBuild } from './catalog.ts'

const mostEntries = 20_000
/** What a tar adds to the bytes of its files: a head, a longer name and padding for each. */
const headBytes = 2_048

type Limits = Pick<AssetsConfig, 'keepMs' | 'bytes'>

/**
 * The files of all builds that are kept, in `<state>/assets`: `blobs/` has the contents, `builds/<id>.json` what each build
 * has at which path. A build is there once its record is; until then a kill leaves nothing but what the next start removes.
 */
export class AssetStore {
  readonly blobs: Blobs
  readonly #folder: string
  readonly #now: () => number
  /** Oldest first. */
  #builds: readonly Build[] = []
  #index: ReadonlyMap<string, Blob> = new Map()
  #contested: ReadonlySet<string> = new Set()
  #last: Promise<unknown> = Promise.resolve()

  /** @param now milliseconds since 1970 */
  constructor(folder: string, now: () => number = Date.now) {
    this.#folder = folder
    this.#now = now
    this.blobs = new Blobs(join(folder, 'blobs'))
  }

  /**
   * Reads what is there, and removes what a kill left half-done.
   * @param warn of records that cannot be understood: moved aside, the others go on
   * @throws EdgeError EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  async load(warn: (message: string) => void): Promise<void> {
    try {
      const builds = await this.#readRecords(warn)
      for (const name of await readdir(this.#folder)) {
        if (name.startsWith('incoming-')) await rm(join(this.#folder, name), { recursive: true, force: true })
      }
      await this.blobs.load(new Map(builds.flatMap(({ files }) => [...files.values()].map(f => [f.hash, f.bytes]))))
      this.#adopt(builds)
    } catch (cause) {
      throw cause instanceof EdgeError ? cause : unwritable(this.#folder, cause)
    }
  }

  /** Newest first. */
  get builds(): readonly Build[] {
    return this.#builds.toReversed()
  }

  get files(): number {
    return this.#index.size
  }

  /** On disk. */
  get bytes(): number {
    return [...this.blobs.hashes].reduce((sum, hash) => sum + this.blobs.bytesOf(hash), 0)
  }

  /** @param path as `comparablePath` gives it: decoded, one character per byte. It is looked up, and nothing else */
  find(path: string): Blob | undefined {
    return this.#index.get(path)
  }

  /** Forgets a content that turned out not to be on disk. */
  forget(hash: string): Promise<void> {
    // At once: whoever asks for it while others are in turn would not find it either.
    this.#index = new Map([...this.#index].filter(([, blob]) => blob.hash !== hash))
    return this.#inTurn(async () => {
      await this.blobs.remove(hash)
      this.#adopt(this.#builds)
    })
  }

  /**
   * Takes a build whole, or nothing of it.
   * @throws EdgeError EDGE_ASSETS_REFUSED, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL
   */
  async take(tar: Readable, limits: Limits): Promise<AssetsAnswer> {
    const incoming = join(this.#folder, `incoming-${randomBytes(6).toString('hex')}`)
    try {
      await mkdir(incoming, { recursive: true, mode: 0o700 })
      const most = { bytes: limits.bytes + mostEntries * headBytes, entries: mostEntries }
      const files = await unpack(tar, incoming, most)
      return await this.#inTurn(() => this.#commit(files, limits))
    } catch (cause) {
      throw cause instanceof EdgeError ? cause : unwritable(this.#folder, cause)
    } finally {
      await rm(incoming, { recursive: true, force: true }).catch(() => {})
    }
  }

  /** Gives up what is too old or too much. */
  prune(limits: Limits): Promise<void> {
    return this.#inTurn(() => this.#prune(limits))
  }

  async #readRecords(warn: (message: string) => void): Promise<Build[]> {
    const records = join(this.#folder, 'builds')
    await mkdir(records, { recursive: true, mode: 0o700 })
    const builds: Build[] = []
    for (const name of await readdir(records)) {
      const [, id] = /^([0-9a-f]{32})\.json$/.exec(name) ?? []
      if (id === undefined) continue
      const path = join(records, name)
      const build = readBuild(id, (await readStateFile(path)) ?? '')
      if (build !== null) builds.push(build)
      else warn(`${path} is damaged; it is now ${await moveStateFileAside(path, new Date(this.#now()))}`)
    }
    return builds
  }

  async #commit(files: readonly Unpacked[], limits: Limits): Promise<AssetsAnswer> {
    // The newest, whatever a clock that was set back says.
    const at = Math.max(this.#now(), (this.#builds.at(-1)?.at ?? 0) + 1)
    const build = buildOf(new Map(files.map(({ path, hash, bytes }) => [path, { hash, bytes }])), at)
    const fresh = files.filter(({ hash }) => this.blobs.get(hash) === undefined)
    try {
      for (const { file, hash, bytes } of fresh) await this.blobs.adopt(file, hash, bytes)
      await this.blobs.sync()
      await writeStateFile(this.#recordOf(build), writtenBuild(build), 0o600)
    } catch (cause) {
      // A disk that has no room for the record must not stay full of what no record names.
      await this.blobs.keepOnly(hashesOf(this.#builds)).catch(() => {})
      throw cause
    }
    this.#adopt([...this.#builds.filter(({ id }) => id !== build.id), build])
    await this.#prune(limits)
    return {
      id: build.id,
      files: files.length,
      bytes: bytesIn(files),
      newFiles: fresh.length,
      newBytes: bytesIn(fresh),
      contested: [...build.files.keys()].filter(path => this.#contested.has(path))
    }
  }

  async #prune(limits: Limits): Promise<void> {
    const surplus = surplusOf(this.#builds, this.#now(), limits, hash => this.blobs.bytesOf(hash))
    if (surplus.length === 0) return
    // The records first: a record without its contents would be worse than contents without a record.
    for (const build of surplus) await rm(this.#recordOf(build), { force: true })
    this.#adopt(this.#builds.filter(build => !surplus.includes(build)))
    await this.blobs.keepOnly(hashesOf(this.#builds))
  }

  #adopt(builds: readonly Build[]): void {
    this.#builds = builds.toSorted((a, b) => a.at - b.at)
    const { files, contested } = indexOf(this.#builds)
    this.#contested = contested
    this.#index = new Map(
      [...files].flatMap(([path, { hash }]) => {
        const blob = this.blobs.get(hash)
        return blob === undefined ? [] : [[Buffer.from(path).toString('latin1'), blob]]
      })
    )
  }

  #recordOf({ id }: Build): string {
    return join(this.#folder, 'builds', `${id}.json`)
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change)
    this.#last = done.catch(() => {})
    return done
  }
}

function bytesIn(files: readonly { bytes: number }[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}
