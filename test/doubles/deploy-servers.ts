import type { Manner } from '../../compose/change/change.ts'
import type { ServerName, Site } from '../../compose/laptop/plan/site.ts'
import type { Held, World } from '../../compose/laptop/site/held.ts'
import type { Line } from '../../compose/laptop/ssh/line.ts'
import type { Entry } from '../../compose/record/journal.ts'
import type { DeployLine, Order, OrderEnd, OrderStatus, Serving } from '../../compose/server/deploy/records.ts'
import { EdgeError } from '../../proxy/errors.ts'

export const how: Manner = { isHeld: false, withinMs: 1_000, drainMs: 1_000, keep: 3, handOver: null }

export function siteOf(...names: ServerName[]): Site {
  const server = { ssh: '', key: null, sshConfig: null, address: '127.0.0.1', folder: '/x', envFile: '' }
  const part = { source: '', dockerfile: '', args: {}, image: null }
  return {
    ...{ file: '', folder: '/', name: 'shop', domains: [], ship: 'ssh', verify: ['/'] },
    servers: names.map(name => ({ ...server, name })),
    parts: { web: part, api: part },
    hooks: { before: null, after: null, failed: null }
  }
}

/** Servers that answer from memory: what was asked of them is written down, and what goes wrong is told beforehand. */
export class Servers {
  /** `backend order api`, in the order in which they came. */
  readonly asked: string[] = []
  readonly lines: DeployLine[] = []
  /** By the order's id. */
  readonly ends: Record<string, OrderEnd> = {}
  /** Thrown to whoever asks for old images to go. */
  pruneFailure: EdgeError | null = null
  /** The pages of the one that deploy.yaml calls a standby; they do not change. */
  readonly standby = { slot: 'blue', release: 3, image: 'web:old', imageId: '3' }
  /** By the order's id: thrown to whoever follows it. */
  readonly silences: Record<string, EdgeError> = {}
  readonly #orders = new Map<string, Order>()
  readonly #serving: Record<string, Serving['upstreams'][string]> = {}

  constructor(serving: Record<string, number>) {
    for (const [part, release] of Object.entries(serving)) this.#serve(part, release)
  }

  /** @param gone is away */
  world(site: Site, signal = new AbortController().signal, gone: ServerName | null = null): World {
    const there = site.servers.toReversed().filter(({ name }) => name !== gone)
    const lines = there.map(server => this.#line(server.name, site))
    const away = new Map(gone === null ? [] : [[gone, new EdgeError('SSH_UNREACHABLE', 'no route to host')]])
    const claim = { id: 'id', who: 'ann@desk', host: 'desk', pid: 1, verb: 'deploy', step: '' }
    return { site, lines, away, claim, hasDied: () => false, now: () => new Date(0), say: () => {}, signal }
  }

  held(world: World): Held {
    const sight = { records: new Map(), serving: new Map(), releases: {} }
    const at = async (step: string): Promise<void> => void this.asked.push(`now ${step}`)
    return { ...world, claim: () => world.claim, at, free: async () => {}, sight, deploys: [] }
  }

  #line(name: ServerName, site: Site): Line {
    const isStandby = site.servers.some(server => server.name === name && server.standby)
    const seen = () => (isStandby ? { ...this.#serving, web: this.standby } : this.#serving)
    const answers: Record<string, (asked: never) => unknown> = {
      note: ({ line }: { line: DeployLine }) => {
        this.asked.push(`${name} ${line.event}`)
        this.lines.push(line)
        return null
      },
      order: ({ order }: { order: Order }) => {
        this.asked.push(`${name} order ${order.id}`)
        this.#orders.set(order.id, order)
        return null
      },
      // At first there is no end to be told.
      follow: ({ id, from }: { id: string; from: number }) => {
        if (this.silences[id] !== undefined) throw this.silences[id]
        return { text: '', next: 1, end: from === 0 ? null : this.#endOf(id) }
      },
      prune: ({ parts, keep }: { parts: string[]; keep: number }) => {
        this.asked.push(`${name} prune ${parts} ${keep}`)
        if (this.pruneFailure !== null) throw this.pruneFailure
        return []
      },
      stop: ({ id }: { id: string }) => this.asked.push(`${name} stop ${id}`),
      hold: () => null,
      free: () => null,
      deploys: () => ({ holder: null, lines: this.lines, orders: this.#states(), shipped: [] }),
      serving: () => ({ upstreams: seen(), httpsPort: 1, localRoot: null })
    }
    const ask = async (question: string, asked: unknown): Promise<unknown> => answers[question]!(asked as never)
    return { server: site.servers.find(server => server.name === name)!, ask } as Line
  }

  #states(): OrderStatus[] {
    return [...this.#orders.keys()].map(id => {
      const end = this.ends[id]
      const state = end === undefined || 'entry' in end ? 'done' : 'failure' in end ? 'failed' : 'lost'
      return { id, state }
    })
  }

  #endOf(id: string): OrderEnd {
    const told = this.ends[id]
    if (told !== undefined) return told
    const { what } = this.#orders.get(id)!
    const part = 'part' in what ? what.part : what.settle.split('-')[1]!
    if (id.endsWith('-standby')) return { entry: { upstream: part, release: 4, before: 3 } as Entry }
    const before = this.#serving[part]?.release ?? 0
    const to = 'to' in what ? what.to : { image: '' }
    this.#serve(part, 'image' in to ? before + 1 : 'back' in to ? to.back : to.release)
    const { release, slot, image, imageId } = this.#serving[part]!
    // Who asks again is told the same.
    this.ends[id] = { entry: { upstream: part, release, before, slot, image, imageId } as Entry }
    return this.ends[id]
  }

  #serve(part: string, release: number): void {
    this.#serving[part] = {
      slot: release % 2 ? 'blue' : 'green',
      release,
      image: `${part}:${release}`,
      imageId: `${release}`
    }
  }

  release(part: string): number | null | undefined {
    return this.#serving[part]?.release
  }
}

export function failing(code: EdgeError['code']): OrderEnd {
  return { failure: { code, detail: 'as told' } }
}
