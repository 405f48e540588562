import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import type { Manner, Parties } from '../../compose/change/change.ts'
import type { Container } from '../../compose/container/container.ts'
import { slotFolder } from '../../compose/container/slot-environment.ts'
import type { Edge } from '../../compose/edge-client.ts'
import type { Engine } from '../../compose/engine.ts'
import type { DockerCommand } from '../../compose/stack/command.ts'
import type { StatusAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'

export const manner: Manner = { isHeld: false, withinMs: 5_000, drainMs: 1_000, keep: 3, handOver: null }

/** A server on which `web` serves from blue: an engine and an edge that remember what was done to them, in order. */
export class World {
  readonly calls: string[] = []
  /** What the operator was told. */
  readonly said: string[] = []
  readonly images = new Map([
    ['app:1', 'sha256:1'],
    ['app:2', 'sha256:2']
  ])
  readonly containers = new Map<string, Container>()
  active = 'blue'
  hold = 'open'
  drained = ''
  /** Of every container that is made. */
  health: Container['health'] = 'healthy'
  #edgeStartedAt = '2026-01-01T00:00:00Z'
  /** What a container of this image does once it is started. */
  readonly ends = new Set<string>()
  /** Of these the edge's probe thinks nothing. */
  readonly refused = new Set<string>()
  /** Whose builds the edge keeps; null: nobody's. */
  kept: string | null = 'web'
  /** Images with `.next/static` in them, and those of which the edge refuses it. */
  readonly builds = new Set(['sha256:1', 'sha256:2'])
  readonly unkept = new Set<string>()
  /** Throws in place of this call, or after it: an answer that is lost. */
  fails = (_call: string): { before?: Error; after?: Error } => ({})
  /** This many calls are answered; the next one never is, as when the process was killed. */
  patience = Number.POSITIVE_INFINITY
  readonly folder: string
  readonly #frozen = Promise.withResolvers<never>()

  private constructor(folder: string) {
    this.folder = folder
    this.#frozen.promise.catch(() => {})
    this.#put('web-blue', 'app:1', 'running')
  }

  static async make(t: Test): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'te-world-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, '.env'), '# ours\nWEB_IMAGE=app:1\n', { mode: 0o600 })
    return new World(folder)
  }

  parties(signal = new AbortController().signal): Parties {
    const envFile = join(this.folder, '.env')
    const place = { project: 'p', folder: this.folder, files: [], envFile, envFiles: [envFile], socket: '' }
    let time = Date.now()
    const say = (line: string): void => void this.said.push(line)
    const around = { records: join(this.folder, 'records'), who: 'a@b', candidateEnv: {}, say, signal }
    return {
      ...{ engine: this.engine(), edge: this.edge(), docker: this.docker(), stack: place, ...around },
      lock: { check: async () => {}, release: async () => {} },
      meminfo: async () => 'MemAvailable:    1000000 kB\n',
      now: () => new Date(time),
      pause: async ms => {
        time += ms
        await new Promise(resolve => setImmediate(resolve))
      }
    }
  }

  /** Settles as the command does; or, when it was killed on the way, after that. */
  async run(command: Promise<unknown>): Promise<'done' | 'failed' | 'killed'> {
    const killed = this.#frozen.promise.catch(() => 'killed' as const)
    const ended = command.then(
      () => 'done' as const,
      () => 'failed' as const
    )
    return Promise.race([killed, ended])
  }

  /** It forgets what is not on disk. */
  restartEdge(): void {
    this.hold = 'open'
    this.#edgeStartedAt = new Date(Date.now() + 60_000).toISOString()
  }

  env(): Promise<string> {
    return readFile(join(this.folder, '.env'), 'utf8')
  }

  state(service: string): string {
    return this.containers.get(service)?.state ?? 'none'
  }

  #put(service: string, image: string, state: Container['state']): void {
    const imageId = this.images.get(image)!
    const made = {
      id: service,
      service,
      image,
      imageId,
      state,
      health: 'healthy',
      lastCheck: null,
      exitCode: 0,
      restarts: 0
    } as const
    const rest = { isOutOfMemory: false, memoryLimitBytes: 0, restart: 'no', startedAt: '2026-01-01T00:00:00Z' }
    this.containers.set(service, { ...made, ...rest, labels: {}, mounts: {}, workingFolder: '/app' })
  }

  #set(service: string, change: Partial<Container>): void {
    this.containers.set(service, { ...this.containers.get(service)!, ...change })
  }

  async #call<T>(name: string, act: () => T): Promise<T> {
    if (this.patience-- <= 0) {
      this.#frozen.reject(new Error('killed'))
      return new Promise<never>(() => {})
    }
    this.calls.push(name)
    const { before, after } = this.fails(name)
    if (before !== undefined) throw before
    const answer = act()
    if (after !== undefined) throw after
    return answer
  }

  engine(): Engine {
    const start = (id: string): void => {
      const { imageId } = this.containers.get(id)!
      this.#set(id, this.ends.has(imageId) ? { state: 'exited', exitCode: 3 } : { state: 'running' })
    }
    return {
      find: async (_, service) => {
        const found = this.containers.get(service)
        return found === undefined ? null : { ...found, health: this.health }
      },
      list: async () => [...this.containers.values()],
      start: id => this.#call(`start ${id}`, () => start(id)),
      stop: id => this.#call(`stop ${id}`, () => this.#set(id, { state: 'exited' })),
      remove: id => this.#call(`remove ${id}`, () => void this.containers.delete(id)),
      remake: id => this.#call(`remake ${id}`, () => this.#set(id, { mounts: { [slotFolder]: '' } })),
      hasFile: async () => true,
      write: (id, folder, file, text) => this.#call(`write ${id} ${folder}/${file} ${text}`, () => {}),
      setRestart: async (id, restart) => this.#set(id, { restart }),
      lastLines: async () => ['its last words'],
      memoryInUse: async () => 100_000_000,
      imageId: async reference => [...this.images].find(pair => pair.includes(reference))?.[1] ?? null,
      tag: (id, reference) => this.#call(`tag ${reference}`, () => void this.images.set(reference, id)),
      untag: reference => this.#call(`untag ${reference}`, () => this.images.delete(reference)),
      exec: (id, command) => this.#call(`exec ${id} ${command}`, () => ({ code: 0, said: '' })),
      archive: async (id, folder) => {
        const { imageId } = this.containers.get(id)!
        return this.builds.has(imageId) ? Readable.from([`${imageId} ${folder}`]) : null
      }
    }
  }

  docker(): DockerCommand {
    return {
      create: (service, variables) =>
        this.#call(`create ${service}`, () =>
          this.#put(service, variables.WEB_GREEN_IMAGE ?? variables.WEB_BLUE_IMAGE!, 'created')
        ),
      pull: image => Promise.reject(new EdgeError('COMPOSE_IMAGE_MISSING', image))
    }
  }

  edge(): Edge {
    const promote = (slot: string): void => {
      const { imageId } = this.containers.get(`web-${slot}`)!
      if (this.refused.has(imageId)) throw new EdgeError('EDGE_SLOT_UNHEALTHY', '500 oops')
      this.active = slot
    }
    return {
      status: async () => this.#status(),
      probe: async () => ({ isGood: false, saw: '500 oops' }),
      promote: ({ slot, upstream }) =>
        this.#call(`promote ${slot}`, () => {
          const before = this.active
          promote(slot)
          return { upstream, slot, before, probes: ['200'] }
        }),
      drain: ({ slot }) =>
        this.#call(`drain ${slot}`, () => {
          if (slot === this.active && this.hold === 'open') throw new EdgeError('EDGE_SLOT_ACTIVE', slot)
          this.drained = slot
        }),
      hold: ({ mode }) =>
        this.#call(`hold ${mode}`, () => {
          this.hold = mode
          return { mode, waiting: 0 }
        }),
      tally: () => this.#call('tally', () => {}),
      assets: async () => ({ upstream: this.kept, builds: [], files: 0, bytes: 0 }),
      keepBuild: async open => {
        const tar = await open()
        if (tar === null) return null
        const [content = ''] = (await tar.toArray()) as string[]
        return this.#call(`keep ${content}`, () => {
          const [imageId = ''] = content.split(' ')
          if (this.unkept.has(imageId)) throw new EdgeError('EDGE_ASSETS_REFUSED', 'more than 1 bytes')
          return { id: imageId, files: 5, bytes: 9, newFiles: 2, newBytes: 3_145_728, contested: [] }
        })
      }
    }
  }

  #status(): StatusAnswer {
    const drain = { beganAt: '', cutAt: '', carried: { requests: 3, streams: 2, webSockets: 0 }, cut: 0, isDone: true }
    const upstreams = ['blue', 'green'].map(slot => ({
      ...{ name: 'web', slot, isActive: slot === this.active, inFlight: 0, streams: 0, webSockets: 0 },
      hold: { mode: this.hold, waiting: 0 },
      drain: this.drained === slot ? drain : null,
      tally: { since: '', requests: 9, failed: 0, streamsCut: 0, longestMs: 4 }
    }))
    return { startedAt: this.#edgeStartedAt, upstreams } as unknown as StatusAnswer
  }
}
