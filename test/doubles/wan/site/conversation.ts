import { createHash, randomBytes } from 'node:crypto'
import type { Worker } from '../../../bench/load/worker.ts'
import type { Target } from '../programs/exchange.ts'
import type { Events, Reply, VisitorVerbs } from '../programs/visitor.ts'
import type { Wan } from '../wan.ts'
import { until } from './server.ts'

type Visitor = Worker<VisitorVerbs>

/** A chat of `count` events, one every `paceMs`, as the sample API tells it. */
export class Chat {
  readonly #visitor: Visitor
  readonly #id: number
  readonly #count: number

  private constructor(visitor: Visitor, id: number, count: number) {
    this.#visitor = visitor
    this.#id = id
    this.#count = count
  }

  static async begin(visitor: Visitor, target: Target, count: number, paceMs: number): Promise<Chat> {
    const path = `/api/v1/chat/stream?n=${count}&ms=${paceMs}`
    const id = await visitor.ask('openStream', { target, path, method: 'POST' })
    return new Chat(visitor, id, count)
  }

  /** @returns what has come; with `count`, as soon as so many have, or it is over */
  async heard(count = 0, withinMs = 90_000): Promise<Events> {
    return await this.#visitor.ask('readStream', { id: this.#id, count, withinMs })
  }

  /** Waits for its end. @returns '' for a chat of which nothing is missing or doubled, and which ended as it should */
  async fault(): Promise<string> {
    // One more than there are: that is, its end.
    const heard = await this.heard(this.#count + 2)
    const isOver = heard.hasEnded && heard.failure === '' && heard.events.length === this.#count + 1
    return isOver && toldOf(heard).at(-1)?.type === 'completed' ? gapsIn(heard) : summary(heard)
  }

  /** Waits for so many. @returns '' for a chat that goes on, and of which nothing is missing or doubled so far */
  async faultSoFar(count: number): Promise<string> {
    const heard = await this.heard(count)
    return heard.events.length < count || heard.hasEnded ? summary(heard) : gapsIn(heard)
  }

  async leave(): Promise<void> {
    await this.#visitor.ask('closeStream', this.#id)
  }
}

function gapsIn(heard: Events): string {
  const isWhole = toldOf(heard).every(({ seq }, index) => seq === index + 1)
  return heard.status === 200 && isWhole ? '' : summary(heard)
}

function toldOf({ events }: Events): { type: string; seq: number }[] {
  return events.map(({ text }) => JSON.parse(text.replace(/^data: /, '')))
}

function summary(heard: Events): string {
  const { status, hasEnded, failure } = heard
  return JSON.stringify({ status, hasEnded, failure, seqs: toldOf(heard).map(({ seq }) => seq) })
}

/** No block of it is like another: what is doubled, missing or in another order shows. */
export class Workbook {
  readonly bytes: number
  readonly #body: string

  constructor(bytes: number) {
    this.bytes = bytes
    this.#body = randomBytes(bytes / 2).toString('hex')
  }

  send(visitor: Visitor, target: Target): Promise<Reply> {
    return visitor.ask('request', { target, path: '/api/v1/upload', method: 'POST', body: this.#body })
  }

  /** @returns '' when the API has it as it was sent */
  fault({ status, text }: Reply): string {
    const sha256 = createHash('sha256').update(this.#body).digest('hex')
    const got = status === 200 ? (JSON.parse(text) as { bytes: number; sha256: string }) : null
    return got?.bytes === this.bytes && got.sha256 === sha256 ? '' : `${status} ${text}`
  }
}

/** Resolves as soon as so many bytes more have left a server, whatever became of them. */
export async function bytesPass(wan: Wan, direction: 'from-frontend' | 'from-backend', bytes: number): Promise<void> {
  const sent = async (): Promise<number> => (await wan.stats())[direction].bytes
  const before = await sent()
  await until(
    async () => (await sent()) - before >= bytes,
    () => `${bytes} bytes ${direction}`
  )
}
