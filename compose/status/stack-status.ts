import type { StatusAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import type { Container } from '../container/container.ts'
import type { Edge } from '../edge-client.ts'
import type { Engine } from '../engine.ts'
import { type Entry, readJournal } from '../record/journal.ts'
import { readLock } from '../record/lock.ts'
import { readPending } from '../record/pending.ts'
import { readVariable } from '../stack/env-file.ts'
import { imageVariable, servingOf } from '../stack/slots.ts'
import { findStack, recordsOf, type Stack } from '../stack/stack.ts'
import { type Changing, changingOf } from './changing.ts'
import { type Disagreement, disagreementsOf, type Hold, type Written } from './disagreements.ts'
import { type Room, roomOf } from './room.ts'
import { type SlotStatus, slotsOf } from './slot-status.ts'

/** All that a server knows of its stack. */
export interface StackStatus {
  readonly project: string
  readonly folder: string
  readonly slots: readonly SlotStatus[]
  /** By upstream; none when the edge could not be asked. */
  readonly holds: readonly Hold[]
  readonly changing: Changing | null
  /** The last change of each upstream, whatever came of it. */
  readonly last: readonly Entry[]
  /** null: this machine does not say. */
  readonly memory: Room | null
  readonly disagreements: readonly Disagreement[]
}

/** What it is put together from. */
export interface Sources {
  readonly engine: Engine
  readonly edgeAt: (socket: string) => Edge
  /** Of the edge, if it is not where the compose files put it. */
  readonly socket: string | undefined
  /** Of this machine. */
  readonly host: string
  readonly meminfo: () => Promise<string>
  readonly now: () => Date
}

export interface Sight {
  readonly stack: StackStatus
  /** Or why it could not be asked. */
  readonly edge: StatusAnswer | EdgeError
}

/** @throws EdgeError COMPOSE_NO_STACK, COMPOSE_ENGINE_UNREACHABLE, EDGE_STATE_UNWRITABLE */
export async function stackStatus(project: string, sources: Sources): Promise<Sight> {
  const { engine, edgeAt, socket, host, meminfo, now } = sources
  const [place, containers] = await Promise.all([findStack(engine, project), engine.list(project)])
  const records = recordsOf(place)
  const [edge, journal, pending, lock, memoryBytes, text] = await Promise.all([
    edgeAt(socket ?? place.socket)
      .status()
      .catch(silence),
    readJournal(records),
    readPending(records),
    readLock(records, host, now),
    memoryInUse(engine, containers),
    meminfo()
  ])
  const status = edge instanceof EdgeError ? null : edge
  const slots = slotsOf({ containers, upstreams: status?.upstreams ?? null, journal, pending, memoryBytes })
  const changing = changingOf(lock, pending, status === null ? null : servingOf(status))
  const holds = holdsOf(status)
  const written = await writtenIn(place, slots)
  const disagreements =
    status === null ? ofEdge(containers) : changing === null ? disagreementsOf(slots, holds, written) : []
  const last = lastOf(journal)
  const stack = {
    project,
    folder: place.folder,
    slots,
    holds,
    changing,
    last,
    memory: roomOf(slots, text),
    disagreements
  }
  return { stack, edge }
}

function silence(cause: unknown): EdgeError {
  if (cause instanceof EdgeError) return cause
  throw cause
}

async function memoryInUse(engine: Engine, containers: readonly Container[]): Promise<Map<string, number>> {
  const running = containers.filter(({ state }) => state === 'running')
  // One that ends just now has none.
  const used = await Promise.all(running.map(({ id }) => engine.memoryInUse(id).catch(() => 0)))
  return new Map(running.map(({ id }, at) => [id, used[at]!] as const).filter(([, bytes]) => bytes > 0))
}

function holdsOf(status: StatusAnswer | null): Hold[] {
  const upstreams = status?.upstreams ?? []
  return [...new Map(upstreams.map(({ name, hold }) => [name, { upstream: name, ...hold }])).values()]
}

async function writtenIn({ envFile }: Stack, slots: readonly SlotStatus[]): Promise<Written> {
  const read = (name: string): Promise<string> => readVariable(envFile, name)
  const images = slots.map(async ({ upstream, slot, service }) => {
    const own = await read(imageVariable(upstream, slot))
    // As the compose files fall back.
    return [service, own || (await read(`${upstream}_image`.toUpperCase()))] as const
  })
  return { profiles: await read('COMPOSE_PROFILES'), images: new Map(await Promise.all(images)) }
}

function lastOf(journal: readonly Entry[]): Entry[] {
  return [...new Map(journal.filter(({ verb }) => verb !== 'found').map(entry => [entry.upstream, entry])).values()]
}

/** All that can be told while the edge does not answer. */
function ofEdge(containers: readonly Container[]): Disagreement[] {
  const edge = containers.find(({ service }) => service === 'edge')
  if (edge === undefined || edge.state === 'running') {
    return [{ said: 'the container of the edge runs, but nobody answers', next: 'docker compose logs edge' }]
  }
  const said = `the container of the edge is ${edge.state}, exit code ${edge.exitCode}`
  return [{ said, next: 'docker compose logs edge; docker compose up -d edge' }]
}
