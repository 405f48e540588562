import type { UpstreamStatus } from '../../proxy/control/protocol.ts'
import type { Container } from '../container/container.ts'
import type { Entry } from '../record/journal.ts'
import type { Pending } from '../record/pending.ts'
import { type SlotName, serviceOf } from '../stack/slots.ts'

/** One slot, as the engine, the edge and the journal have it. */
export interface SlotStatus {
  readonly upstream: string
  readonly slot: SlotName
  readonly service: string
  /** null: the edge could not be asked. */
  readonly isActive: boolean | null
  /** null: it was never swapped. */
  readonly release: number | null
  /** As the operator named it; null: there is no container. */
  readonly image: string | null
  /** null: there is none. */
  readonly container: ContainerStatus | null
  /** null: the edge could not be asked, or does not know of it. */
  readonly edge: EdgeView | null
}

export interface ContainerStatus
  extends Pick<
    Container,
    'id' | 'image' | 'imageId' | 'state' | 'health' | 'lastCheck' | 'exitCode' | 'isOutOfMemory' | 'memoryLimitBytes'
  > {
  /** Last; null: never. */
  readonly startedAt: string | null
  /** In use; null: it does not run, or the engine does not say. */
  readonly memoryBytes: number | null
}

export type EdgeView = Pick<
  UpstreamStatus,
  'health' | 'lastProbe' | 'inFlight' | 'streams' | 'webSockets' | 'owned' | 'drain'
>

/** What is known of a stack before it is put together by slot. */
export interface Findings {
  readonly containers: readonly Container[]
  /** null: the edge could not be asked. */
  readonly upstreams: readonly UpstreamStatus[] | null
  readonly journal: readonly Entry[]
  readonly pending: Pending | null
  /** In use, by container. */
  readonly memoryBytes: ReadonlyMap<string, number>
}

const slotNames: readonly SlotName[] = ['blue', 'green']

/** @returns both slots of each upstream that has two here: as the edge says or, when it cannot, as the services are named */
export function slotsOf(findings: Findings): SlotStatus[] {
  const { containers, upstreams } = findings
  const isSlot = (name: string): name is SlotName => (slotNames as readonly string[]).includes(name)
  const ofEdge = upstreams?.filter(({ slot }) => isSlot(slot)).map(({ name }) => name)
  const ofEngine = containers.flatMap(({ service }) => /^(.+)-(?:blue|green)$/.exec(service)?.[1] ?? [])
  const names = new Set(ofEdge ?? ofEngine.sort())
  return [...names].flatMap(name => slotNames.map(slot => slotStatus(findings, name, slot)))
}

function slotStatus(findings: Findings, upstream: string, slot: SlotName): SlotStatus {
  const { containers, upstreams, memoryBytes } = findings
  const service = serviceOf(upstream, slot)
  const container = containers.find(one => one.service === service) ?? null
  const seen = upstreams?.find(one => one.name === upstream && one.slot === slot)
  return {
    ...{ upstream, slot, service, isActive: upstreams === null ? null : seen?.isActive === true },
    ...(container === null ? { release: null, image: null } : releaseOf(findings, upstream, container)),
    container: container === null ? null : containerStatus(container, memoryBytes.get(container.id) ?? null),
    edge: seen === undefined ? null : viewOf(seen)
  }
}

/** By the name that it was made from, which a swap gives to one release alone; or else by the image itself. */
function releaseOf(
  { journal, pending }: Findings,
  upstream: string,
  { image, imageId }: Container
): Pick<SlotStatus, 'release' | 'image'> {
  const known = [...journal, ...(pending === null ? [] : [pending.change])].filter(one => one.upstream === upstream)
  const found = known.findLast(one => one.tag === image) ?? known.findLast(one => one.imageId === imageId)
  return { release: found?.release ?? null, image: found?.image ?? image }
}

function containerStatus(container: Container, memoryBytes: number | null): ContainerStatus {
  const { id, image, imageId, state, health, lastCheck, exitCode, isOutOfMemory, memoryLimitBytes } = container
  // The engine's word for never is the year 1.
  const startedAt = Date.parse(container.startedAt) > 0 ? container.startedAt : null
  return {
    id,
    image,
    imageId,
    state,
    health,
    lastCheck,
    exitCode,
    isOutOfMemory,
    memoryLimitBytes,
    startedAt,
    memoryBytes
  }
}

function viewOf({ health, lastProbe, inFlight, streams, webSockets, owned, drain }: UpstreamStatus): EdgeView {
  return { health, lastProbe, inFlight, streams, webSockets, owned, drain }
}
