import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import type { HealthConfig } from '../config/config.ts'

const LARGEST_BODY_BYTES = 65_536

/** What one try saw. */
export interface Probe {
  readonly isGood: boolean
  /** For the operator: `200 {"status":"draining"}: the body lacks "ok"`. */
  readonly saw: string
  /** No answer came in time, which is all that is known. */
  readonly isLate?: boolean
}

/** What a slot's health is judged by. */
export interface Health {
  readonly isUp: boolean
  readonly last: Probe | null
  start(): void
  startAnew(last: Probe | null): void
  stop(): void
}

/** Who hears of a health check, and what it wants to know. */
export interface HealthOwner {
  onChange(isUp: boolean, probe: Probe): void
  /** How many requests the upstream has answered so far. */
  answers(): number
}

/**
 * Probes one origin for as long as it is watched. It counts as up until it has failed `fails` times in a row,
 * and as up again after one good probe. A late probe counts for nothing as long as requests are being answered: the
 * upstream is slow, and turning everybody away helps nobody when there is no other.
 */
export class HealthCheck implements Health {
  readonly #origin: string
  readonly #config: HealthConfig
  readonly #owner: HealthOwner
  #timer: NodeJS.Timeout | null = null
  #failures = 0
  #last: Probe | null = null
  #run = 0

  constructor(origin: string, config: HealthConfig, owner: HealthOwner) {
    this.#origin = origin
    this.#config = config
    this.#owner = owner
  }

  get isUp(): boolean {
    return this.#failures < this.#config.fails
  }

  get last(): Probe | null {
    return this.#last
  }

  start(): void {
    this.stop()
    void this.#round(this.#run)
  }

  /** Starts as if it had never failed: what was there then has been replaced. @param last what was seen since, if anybody looked */
  startAnew(last: Probe | null): void {
    this.#failures = 0
    this.#last = last
    this.start()
  }

  stop(): void {
    this.#run++
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  async #round(run: number): Promise<void> {
    const answers = this.#owner.answers()
    const result = await probe(this.#origin, this.#config)
    // Stopped while it was under way, and perhaps started again: one series of probes at a time.
    if (run !== this.#run) return
    const wasUp = this.isUp
    this.#last = result
    const isBusy = result.isLate === true && this.#owner.answers() > answers
    if (result.isGood) this.#failures = 0
    else if (!isBusy) this.#failures++
    if (wasUp !== this.isUp) this.#owner.onChange(this.isUp, result)
    // Someone waits to be served again: an origin that is down is asked more often.
    const pauseMs = result.isGood ? this.#config.everyMs : Math.min(1_000, this.#config.everyMs)
    this.#timer = setTimeout(() => void this.#round(run), pauseMs).unref()
  }
}

/** One try, on a connection of its own. Never throws. */
export function probe(origin: string, config: HealthConfig): Promise<Probe> {
  const { promise, resolve } = Promise.withResolvers<Probe>()
  const url = new URL(config.path, origin)
  const get = url.protocol === 'https:' ? getHttps : getHttp
  const request = get(url, { agent: false, headers: { 'user-agent': 'twinedge-health', connection: 'close' } })
  // A deadline for the whole try: an upstream that sends a byte a second is not healthy either.
  const deadline = setTimeout(() => {
    resolve({ isGood: false, isLate: true, saw: `no answer within ${config.timeoutMs} ms` })
    request.destroy()
  }, config.timeoutMs)
  request.on('error', error =>
    resolve({ isGood: false, saw: error.message || (error as NodeJS.ErrnoException).code || 'closed' })
  )
  // To node:http a 101 is neither an answer nor an error: waiting for either would end the probing for good.
  request.on('upgrade', (_response, socket) => {
    socket.destroy()
    resolve({ isGood: false, saw: `101: expected ${config.status}` })
  })
  request.on('response', async response => {
    try {
      resolve(judge(response.statusCode!, await textOf(response), config))
    } catch (error) {
      resolve({ isGood: false, saw: `${response.statusCode}, then ${(error as Error).message}` })
    }
  })
  return promise.finally(() => {
    clearTimeout(deadline)
    request.destroy()
  })
}

function judge(status: number, body: string, config: HealthConfig): Probe {
  const head = body.slice(0, 120).replaceAll(/\s+/g, ' ')
  if (status !== config.status) return { isGood: false, saw: `${status} ${head}: expected ${config.status}` }
  if (config.body !== null && !body.includes(config.body)) {
    return { isGood: false, saw: `${status} ${head}: the body lacks ${config.body}` }
  }
  return { isGood: true, saw: `${status} ${head}` }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += chunk
    if (text.length > LARGEST_BODY_BYTES) break
  }
  return text
}
