import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { type RunningEdge, startEdge } from './edge.ts'

/** One half of a blue/green pair: it answers with its name, and as its path says. */
export interface Half {
  readonly origin: string
  /** What its health check is answered; a status of 500 makes it unhealthy, and 0 is no answer at all. */
  health: { status: number; body: string }
  /** `METHOD PATH` of every request but probes, in the order in which they came. */
  readonly seen: string[]
  /** Bytes of bodies that it has read. */
  bytes: number
  readonly probes: () => number
  /** Answers everything that waits at `/slow`. */
  release(): void
  close(): void
}

/** A real edge in front of two halves, as the upstream `web`; `/events` is a stream that goes on until it is left. */
export interface Pair {
  readonly edge: RunningEdge
  readonly blue: Half
  readonly green: Half
  /** The configuration with `more` on the upstream. */
  yaml(more?: string): string
}

const health = ', health: { path: /health, body: ok, every: 50ms, timeout: 1s, fails: 2 }'

export async function startPair(
  t: Test,
  { hasHealth = true, folder = undefined as string | undefined } = {}
): Promise<Pair> {
  const [blue, green] = [await startHalf(t, 'blue'), await startHalf(t, 'green')]
  const yaml = (more = ''): string => pairYaml(blue, green, (hasHealth ? health : '') + more)
  return { blue, green, yaml, edge: await startEdge(t, yaml(), folder) }
}

export function pairYaml(blue: Half, green: Half, more: string): string {
  return `server: single
domains: [localhost]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
upstreams:
  web: { slots: { blue: "${blue.origin}", green: "${green.origin}" }${more} }
routes:
  - { path: /small, upstream: web, body: 1k }
  - { path: /, upstream: web, body: 200m }
`
}

/** Promotes it, with one probe. */
export function promote({ edge }: Pick<Pair, 'edge'>, slot: string, passes = 1) {
  return edge.edge.slots.promote({ upstream: 'web', slot, passes, withinMs: 5_000 })
}

/** What the edge says of a slot of `web` now. */
export function slotOf({ edge }: Pick<Pair, 'edge'>, slot: string) {
  return edge.edge.status().upstreams.find(one => one.name === 'web' && one.slot === slot)!
}

async function startHalf(t: Test, name: string): Promise<Half> {
  const waiting = new Set<ServerResponse>()
  let probes = 0
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, answer) => {
    if (request.url === '/health') {
      probes++
      if (half.health.status === 0) return
      return void answer.writeHead(half.health.status).end(half.health.body)
    }
    half.seen.push(`${request.method} ${request.url}`)
    request.on('data', chunk => {
      half.bytes += chunk.length
    })
    request.on('end', () => answerAs(name, request, answer, waiting))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(close)
  const half: Half = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    health: { status: 200, body: 'ok' },
    seen: [],
    bytes: 0,
    probes: () => probes,
    release() {
      for (const answer of waiting) answer.end(name)
      waiting.clear()
    },
    close
  }
  return half
}

function answerAs(name: string, request: IncomingMessage, answer: ServerResponse, waiting: Set<ServerResponse>): void {
  if (request.url === '/slow') return void waiting.add(answer)
  if (request.url === '/broken') return void answer.writeHead(500).end(name)
  if (request.url !== '/events') return void answer.end(name)
  answer.writeHead(200, { 'content-type': 'text/event-stream' })
  let seq = 0
  const timer = setInterval(() => answer.write(`data: ${name} ${seq++}\n\n`), 10)
  answer.on('close', () => clearInterval(timer))
}
