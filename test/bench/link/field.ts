import { type Ground, layGround } from '../../doubles/wan/ground.ts'
import type { Place } from '../../doubles/wan/place.ts'
import type { Target } from '../../doubles/wan/programs/exchange.ts'
import type { VisitorVerbs } from '../../doubles/wan/programs/visitor.ts'
import type { UpstreamVerbs } from '../load/upstream.ts'
import type { Worker } from '../load/worker.ts'
import { type Running, start } from '../peers/launch.ts'
import type { Race } from '../run.ts'
import type { LinkContestant } from './contestants.ts'
import { pair } from './pairing.ts'

/** Two servers with one contestant on them, nothing of which has yet carried a request. */
export interface Field {
  readonly ground: Ground
  /** On the backend. */
  readonly upstream: Worker<UpstreamVerbs>
  readonly visitor: Worker<VisitorVerbs>
  /** The frontend server, as the visitor reaches it. */
  readonly target: Target
  clear(): Promise<void>
}

const apiPort = 8000
const linkPort = 7443
const upstreamFile = new URL('../load/upstream.ts', import.meta.url)

/** @throws when the contestant does not come up; what stands already is cleared */
export async function prepare(race: Race, contestant: LinkContestant, delayMs: number): Promise<Field> {
  const stops: (() => unknown)[] = []
  const clear = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop()
  }
  race.teardown(clear)
  const add = (stop: () => unknown): void => void stops.push(stop)
  try {
    const ground = await layGround({ teardown: add }, { delayMs, kernel: contestant.kernel })
    const upstream = ground.backend.worker<UpstreamVerbs>(upstreamFile)
    const visitor = ground.clients.visitor()
    add(() => Promise.all([upstream.stop(), visitor.stop()]))
    await upstream.ask('listen', { host: '0.0.0.0', port: apiPort })
    const isListening = async (place: Place, port: number): Promise<boolean> =>
      typeof (await visitor.ask('connect', { address: place.address, port })) === 'number'
    const launch = (place: Place, other: Place, config: string, upstreamHost: string): Promise<Running> => {
      const { address: host, command } = place
      const elsewhere = { command, isListening: (port: number) => isListening(place, port) }
      const there = { host, elsewhere, upstream: `${upstreamHost}:${apiPort}`, peer: `${other.address}:${linkPort}` }
      return start({ ...contestant, config }, { ...race.track, ...there }, running => add(running.stop))
    }
    const { frontend, backend } = ground
    const front = await launch(frontend, backend, contestant.config ?? '', backend.address)
    if (contestant.backend !== undefined) {
      await pair(front, await launch(backend, frontend, contestant.backend, '127.0.0.1'))
    }
    const target: Target = { address: frontend.address, port: front.port, name: race.track.domain, protocol: 'h1' }
    return { ground, upstream, visitor, target, clear }
  } catch (error) {
    await clear()
    throw error
  }
}
