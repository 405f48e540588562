import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { AssetsConfig } from '../config/config.ts'
import type { AssetsAnswer, AssetsStatus } from '../control/protocol.ts'
import { EdgeError } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Log } from '../record/log.ts'
import { answerTo } from './answer.ts'
import { mediaTypeOf } from './media-types.ts'
import { Memory } from './memory.ts'
import { Serving, type ServingOptions } from './serving.ts'
import { Compression } from './store/compression.ts'
import { AssetStore } from './store/store.ts'

const memoryBytes = 16 * 1024 * 1024

/** Where a request would go, and how its end is recorded. */
export interface AssetRequest extends Pick<ServingOptions, 'hsts' | 'onDone'> {
  readonly upstream: string
  /** As `comparablePath` gives it. */
  readonly path: string
  /** Lets the upstream answer. */
  forward(): void
}

/** The files of all builds that are kept: takes them, serves them, gives them up. */
export class Assets {
  readonly #config: () => AssetsConfig | null
  readonly #log: Pick<Log, 'info' | 'warn'>
  readonly #store: AssetStore
  readonly #compression: Compression
  readonly #memory = new Memory(memoryBytes)
  #loaded: Promise<void> | null = null

  constructor(stateFolder: string, config: () => AssetsConfig | null, log: Pick<Log, 'info' | 'warn'>) {
    this.#config = config
    this.#log = log
    this.#store = new AssetStore(join(stateFolder, 'assets'))
    this.#compression = new Compression(this.#store.blobs, message => log.warn(message))
  }

  /**
   * Reads what is kept, unless that was done, and gives up what the configuration has no room for any more.
   * What stands against it is told of and no more: the upstreams answer as they would without it.
   */
  async open(): Promise<void> {
    const config = this.#config()
    if (config === null) return
    try {
      await this.#load()
      await this.#store.prune(config)
      this.#compress(config)
    } catch (cause) {
      this.#log.warn('the files of earlier builds cannot be read: they are not served', {
        detail: (cause as Error).message
      })
    }
  }

  async close(): Promise<void> {
    await this.#compression.stop()
  }

  get status(): AssetsStatus {
    const builds = this.#store.builds.map(({ id, at, files }) => {
      return { id, at: new Date(at).toISOString(), files: files.size }
    })
    const { files, bytes } = this.#store
    return { upstream: this.#config()?.upstream ?? null, builds, files, bytes }
  }

  /** @throws EdgeError EDGE_ASSETS_OFF, EDGE_ASSETS_REFUSED, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
  async take(tar: Readable): Promise<AssetsAnswer> {
    const config = this.#config()
    if (config === null) throw new EdgeError('EDGE_ASSETS_OFF', 'the configuration has no assets')
    await this.#load()
    const answer = await this.#store.take(tar, config)
    const { id, files, bytes, newFiles, contested } = answer
    this.#log.info('a build came', { build: id, files, bytes, new: newFiles })
    if (contested.length > 0) {
      this.#log.warn('builds disagree about a path: the upstream answers there', { paths: contested.slice(0, 10) })
    }
    this.#compress(config)
    return answer
  }

  /** Answers it if it asks for a file that is here. @returns false: it is the upstream's */
  serve(exchange: Exchange, { upstream, path, hsts, onDone, forward }: AssetRequest): boolean {
    const config = this.#config()
    if (config === null || config.upstream !== upstream || !path.startsWith(config.path)) return false
    const { head } = exchange
    if ((head.method !== 'GET' && head.method !== 'HEAD') || head.bodyLength !== 0 || head.isWebSocketUpgrade)
      return false
    const blob = this.#store.find(path.slice(config.path.length))
    if (blob === undefined) return false
    const answer = answerTo(head, path, blob)
    const { coding } = answer
    const bytes = coding === null ? blob.bytes : blob.copies.get(coding)!
    const onMissing = (cause: NodeJS.ErrnoException): void => {
      this.#log.warn('a kept file cannot be opened: the upstream answers', { detail: cause.message })
      // Only what is gone: whoever has no descriptor left for a moment must not lose the files of earlier builds for it.
      if (cause.code === 'ENOENT') this.#store.forget(blob.hash).catch(() => {})
      forward()
    }
    const file = { path: this.#store.blobs.pathOf(blob.hash, coding), bytes }
    new Serving(exchange, { answer, file, memory: this.#memory, hsts, onMissing, onDone }).start()
    return true
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#store
      .load(message => this.#log.warn(message))
      .catch(cause => {
        // What stood against it may be mended by the next time that somebody asks.
        this.#loaded = null
        throw cause
      })
    return this.#loaded
  }

  /** Whatever has no copies yet, the newest build first. */
  #compress(config: AssetsConfig): void {
    const wanted = this.#store.builds.flatMap(({ files }) =>
      [...files].filter(([path]) => mediaTypeOf(path).isCompressible).map(([, { hash }]) => hash)
    )
    this.#compression.want(wanted)
    // The copies take room too.
    const pruned = this.#compression.idle().then(() => this.#store.prune(config))
    pruned.catch(cause => this.#log.warn('earlier builds could not be removed', { detail: (cause as Error).message }))
  }
}
