import type { Asked, Client, Reply } from './client.ts'
import type { Ledger, Target } from './ledger.ts'

/** One thing that users ask for. */
interface Want extends Asked {
  readonly kind: 'page' | 'api' | 'chunk'
  /** How long the answer takes by itself: nobody's fault. */
  readonly waitMs?: number
}

const tickMs = 5
const mostChunks = 2_000
/** A site, or a machine, that cannot keep up is not made to run into the edge's limits for one address. */
const mostUnderWay = 240
const post = { method: 'POST', headers: { 'content-type': 'application/json' } } as const
const pages = ['/', '/login', '/build'].map(path => ({ kind: 'page', path }) as const)
const answers = [
  { kind: 'api', path: '/api/v1/health' },
  { kind: 'api', path: '/api/v1/whoami' },
  { kind: 'api', path: '/api/v1/echo', ...post, body: JSON.stringify({ text: 'a small form. '.repeat(20) }) },
  { kind: 'api', path: '/api/v1/slow?ms=300', waitMs: 300 }
] as const

/**
 * Pages, answers and chunks, at a pace that no slow answer slows. Chunks are those that any page named since the start,
 * as tabs that stay open ask for them.
 */
export class Requests {
  readonly #clients: readonly Client[]
  readonly #ledger: () => Ledger
  /** Each with the page that named it last. */
  readonly #chunks = new Map<string, number>()
  #pagesSeen = 0
  #asked = 0
  #underWay = 0
  #timer: NodeJS.Timeout | undefined

  constructor(clients: readonly Client[], ledger: () => Ledger) {
    this.#clients = clients
    this.#ledger = ledger
  }

  get underWay(): number {
    return this.#underWay
  }

  start(perSecond: number): void {
    const beganMs = performance.now()
    let sent = 0
    this.#timer = setInterval(() => {
      const due = ((performance.now() - beganMs) / 1_000) * perSecond
      for (; sent < due; sent++) {
        if (this.#underWay < mostUnderWay) this.#ask(beganMs + (sent / perSecond) * 1_000)
        else this.#ledger().count('unasked')
      }
    }, tickMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #ask(dueMs: number): Promise<void> {
    const want = this.#next()
    const client = this.#clients[this.#asked++ % this.#clients.length]!
    const target: Target = want.kind === 'api' ? 'api' : 'web'
    this.#underWay++
    try {
      const reply = await client(want)
      const firstByteMs = performance.now() - dueMs - (want.waitMs ?? 0)
      const isOld = want.kind === 'chunk' && this.#isOld(want.path)
      const why = this.#judge(want, reply.status, await textOf(reply))
      const ledger = this.#ledger()
      if (isOld) ledger.count('oldChunks')
      if (why === '') ledger.succeed(target, dueMs, firstByteMs)
      else ledger.fail(target, dueMs, why)
    } catch (cause) {
      this.#ledger().fail(target, dueMs, `${want.kind}: ${(cause as Error).message}`)
    } finally {
      this.#underWay--
    }
  }

  #next(): Want {
    const draw = Math.random()
    const chunks = [...this.#chunks.keys()]
    if (draw < 0.35 && chunks.length > 0) return { kind: 'chunk', path: anyOf(chunks) }
    return draw < 0.65 ? anyOf(pages) : anyOf(answers)
  }

  /** @returns what is wrong with it; '' for nothing */
  #judge({ kind, path }: Want, status: number, text: string): string {
    if (kind === 'chunk' && status === 404) {
      this.#ledger().count('lostChunks')
      return ''
    }
    if (status !== 200) return `${kind}: ${status} ${codeIn(text)}`
    if (kind === 'page') {
      this.#learn(text)
      return text.trimEnd().endsWith('</html>') ? '' : `${path}: half a page`
    }
    if (kind === 'api') return text.endsWith('}') ? '' : `${path}: half an answer`
    return ''
  }

  #learn(page: string): void {
    this.#pagesSeen++
    for (const [path] of page.matchAll(/\/_next\/static\/[\w./~-]+/g)) {
      if (this.#chunks.size < mostChunks || this.#chunks.has(path)) this.#chunks.set(path, this.#pagesSeen)
    }
  }

  #isOld(path: string): boolean {
    // Pages differ in their chunks: of what none of the last fifty has named, no build is left that serves.
    return this.#pagesSeen - (this.#chunks.get(path) ?? 0) > 50
  }
}

function anyOf<T>(all: readonly T[]): T {
  return all[Math.floor(Math.random() * all.length)]!
}

/** What the edge has to say of a failure; of what another has to say, the beginning. */
export function codeIn(text: string): string {
  return /\bEDGE_[A-Z_]+/.exec(text)?.[0] ?? text.slice(0, 60)
}

/** @throws when the body was cut */
export async function textOf({ body }: Reply): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of body) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}
