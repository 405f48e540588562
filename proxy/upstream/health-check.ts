import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import type { HealthConfig } from '../config/config.ts'

const LARGEST_BODY_BYTES = 65_536

/** What one try saw. */
export interface Probe {
  readonly isGood: boolean
  /** For the operator: `200 {"status":"draining"}: the body lacks "ok"`. */
  readonly saw: string
}

/**
 * Probes one origin for as long as it is watched. It counts as up until it has failed `fails` times in a row,
 * and as up again after one good probe.
 */
export class HealthCheck {
  readonly #origin: string
  readonly #config: HealthConfig
  readonly #onChange: (isUp: boolean, probe: Probe) => void
  #timer: NodeJS.Timeout | null = null
  #failures = 0
  #last: Probe | null = null
  #run = 0

  constructor(origin: string, config: HealthConfig, onChange: (isUp: boolean, probe: Probe) => void) {
    this.#origin = origin
    this.#config = config
    this.#onChange = onChange
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
    const result = await probe(this.#origin, this.#config)
    // Stopped while it was under way, and perhaps started again: one series of probes at a time.
    if (run !== this.#run) return
    const wasUp = this.isUp
    this.#last = result
    this.#failures = result.isGood ? 0 : this.#failures + 1
    if (wasUp !== this.isUp) this.#onChange(this.isUp, result)
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
  const deadline = setTimeout(
    () => request.destroy(new Error(`no answer within ${config.timeoutMs} ms`)),
    config.timeoutMs
  )
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
