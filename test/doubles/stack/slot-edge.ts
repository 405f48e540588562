import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Test } from 'tap'
import type { HoldStatus, StatusAnswer, UpstreamStatus } from '../../../proxy/control/protocol.ts'

const startedAt = new Date().toISOString()

/** Stands for an edge with two slots per upstream, on a control socket: it probes for real, and forwards nothing. */
export interface SlotEdge {
  /** What was asked of it, in order: `promote web/green`. */
  readonly asked: string[]
  readonly active: Map<string, string>
  readonly holds: Map<string, HoldStatus['mode']>
  /** What is in flight to a slot (`web/blue`), a drain notwithstanding. */
  readonly inFlight: Map<string, number>
  /** Every answer to this path is lost, after it was acted on. */
  loses: string
}

type Body = { upstream: string; slot: string; passes: number; mode: HoldStatus['mode'] }

/** @param origins by `upstream/slot`; blue is active at first */
export async function startSlotEdge(t: Test, socket: string, origins: Record<string, string>): Promise<SlotEdge> {
  const names = new Set(Object.keys(origins).map(key => key.split('/')[0]!))
  const edge: SlotEdge = {
    asked: [],
    active: new Map([...names].map(name => [name, 'blue'])),
    holds: new Map(),
    inFlight: new Map(),
    loses: ''
  }
  const drained = new Set<string>()
  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    const body = request.method === 'POST' ? await bodyOf(request) : ({} as Body)
    if (request.method === 'POST')
      edge.asked.push(`${path.replace('/slots/', '')} ${body.upstream}/${body.slot ?? body.mode ?? ''}`)
    const [status, answer] = await answerTo(path, body)
    if (edge.loses === path) return response.destroy()
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  const key = ({ upstream, slot }: Body): string => `${upstream}/${slot}`
  const answerTo = async (path: string, body: Body): Promise<[number, unknown]> => {
    if (path === '/status') return [200, statusOf(edge, origins, drained)]
    if (path === '/slots/probe') return [200, await probe(origins[key(body)]!)]
    if (path === '/slots/hold') {
      edge.holds.set(body.upstream, body.mode)
      return [200, { mode: body.mode, waiting: 0 }]
    }
    if (path === '/slots/drain') drained.add(key(body))
    if (path !== '/slots/promote') return [202, {}]
    const before = edge.active.get(body.upstream)
    const seen = before === body.slot ? { isGood: true, saw: '' } : await probe(origins[key(body)]!)
    if (!seen.isGood) return [409, { code: 'EDGE_SLOT_UNHEALTHY', detail: seen.saw, next: '' }]
    edge.active.set(body.upstream, body.slot)
    drained.delete(key(body))
    return [200, { upstream: body.upstream, slot: body.slot, before, probes: [seen.saw] }]
  }
  await listen(t, server, socket)
  return edge
}

function statusOf(edge: SlotEdge, origins: Record<string, string>, drained: ReadonlySet<string>): StatusAnswer {
  const cutAt = new Date(Date.now() + 90_500).toISOString()
  const upstreams = Object.entries(origins).map(([key, origin]): UpstreamStatus => {
    const [name = '', slot = ''] = key.split('/')
    const inFlight = edge.inFlight.get(key) ?? 0
    const carried = { requests: 1, streams: 2, webSockets: 0 }
    const drain = { beganAt: '', cutAt, carried, cut: 0, isDone: inFlight === 0 }
    return {
      ...{ name, slot, origin, isActive: edge.active.get(name) === slot, health: 'up', lastProbe: null, inFlight },
      ...{ streams: inFlight, webSockets: 0, connections: 0, owned: 0, drain: drained.has(key) ? drain : null },
      hold: { mode: edge.holds.get(name) ?? 'open', waiting: 0 },
      tally: { since: '', requests: 7, failed: 0, streamsCut: 0, longestMs: 3 }
    }
  })
  const is = { server: 'frontend', version: '0.1.0', pid: 7, startedAt, configFile: null, configLoadedAt: startedAt }
  return { ...is, logLevel: 'info', connections: 0, inFlight: 0, upstreams, certificates: [], renewals: [], link: null }
}

async function probe(origin: string): Promise<{ isGood: boolean; saw: string }> {
  try {
    const answer = await fetch(origin, { signal: AbortSignal.timeout(2_000) })
    const text = (await answer.text()).slice(0, 100)
    return { isGood: answer.ok && text.startsWith('fine'), saw: `${answer.status} ${text}` }
  } catch (cause) {
    return { isGood: false, saw: String((cause as Error).cause ?? cause) }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  let text = ''
  for await (const chunk of request) text += chunk
  return JSON.parse(text) as Body
}

function listen(t: Test, server: Server, socket: string): Promise<void> {
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  return new Promise(resolve => server.listen(socket, resolve))
}
