import type { HoldStatus } from '../../proxy/control/protocol.ts'
import { imageVariable, profilesFor, type Serving } from '../stack/slots.ts'
import type { SlotStatus } from './slot-status.ts'

/** Two who ought to say the same and do not. */
export interface Disagreement {
  readonly said: string
  /** What the operator types. */
  readonly next: string
}

export interface Hold extends HoldStatus {
  readonly upstream: string
}

/** What `.env` says. */
export interface Written {
  /** COMPOSE_PROFILES */
  readonly profiles: string
  /** The image of each slot, by service; '' when the file leaves it to the compose files. */
  readonly images: ReadonlyMap<string, string>
}

/** An upstream of which one slot serves. */
interface Pair {
  readonly active: SlotStatus
  readonly idle: SlotStatus
}

/**
 * For a stack that nobody is changing: whoever does leaves slots and `.env` as they should be.
 * @param slots as an edge that answers has them
 */
export function disagreementsOf(
  slots: readonly SlotStatus[],
  holds: readonly Hold[],
  written: Written
): Disagreement[] {
  const pairs = slots.flatMap((active): Pair[] => {
    const idle = slots.find(one => one.upstream === active.upstream && one !== active)
    return active.isActive === true && idle !== undefined ? [{ active, idle }] : []
  })
  const serving: Serving = new Map(pairs.map(({ active }) => [active.upstream, active.slot]))
  return [
    ...pairs.flatMap(running),
    ...startedByFile(pairs, serving, written),
    ...pairs.flatMap(one => named(one, written)),
    ...holds.flatMap(left)
  ]
}

function running({ active, idle }: Pair): Disagreement[] {
  const { upstream, service } = active
  const swapToIdle = `twinedge swap ${upstream} ${idle.image}`
  if (isRunning(active) && isRunning(idle)) {
    const said = `${idle.service} runs beside ${service}, which serves; nobody is changing ${upstream}`
    return [{ said, next: `docker compose stop ${idle.service}; or, if it is to serve: ${swapToIdle}` }]
  }
  if (isRunning(active)) return []
  const said = `the edge sends requests to ${service}, ${stateOf(active)}`
  const isNew = active.container === null && idle.container === null
  if (isNew) return [{ said, next: `docker compose up -d ${service}; or, from a laptop: twinedge deploy` }]
  if (!isRunning(idle)) return [{ said, next: `docker compose up -d ${service}` }]
  return [{ said: `${said}, while ${idle.service} runs`, next: `${swapToIdle}; or docker compose up -d ${service}` }]
}

/** What `up -d` would start, after a `down` for one. */
function startedByFile(pairs: readonly Pair[], serving: Serving, { profiles }: Written): Disagreement[] {
  const names = profiles.split(',').map(name => name.trim())
  const isBlank = profiles.trim() === ''
  const starts = (one: SlotStatus): boolean => (isBlank ? one.slot === 'blue' : names.includes(one.service))
  const wrong = pairs.filter(({ active, idle }) => isRunning(active) && (!starts(active) || starts(idle)))
  if (wrong.length === 0) return []
  const started = wrong.flatMap(({ active, idle }) => [active, idle].filter(starts)).map(({ service }) => service)
  const serves = wrong.map(({ active }) => active.service)
  return [
    {
      said: `.env starts ${started.join(', ') || 'no slot'} (COMPOSE_PROFILES=${profiles}), ${serves.join(', ')} serves`,
      next: `set COMPOSE_PROFILES=${profilesFor(profiles, serving)} in .env`
    }
  ]
}

/** An image that `up -d` would put into the slot that serves, with an outage. */
function named({ active }: Pair, { images }: Written): Disagreement[] {
  const { upstream, slot, service, container, image } = active
  const said = images.get(service) ?? ''
  if (container === null || said === '' || said === container.image) return []
  return [
    {
      said: `.env has ${said} for ${service}, which runs ${image}: docker compose up -d would restart it, with an outage`,
      next: `set ${imageVariable(upstream, slot)}=${container.image} in .env; then, for the other image: twinedge swap ${upstream} ${said}`
    }
  ]
}

/** Meant so, or left by a command that was killed: whoever reads it knows. */
function left({ upstream, mode, waiting }: Hold): Disagreement[] {
  if (mode === 'open') return []
  const what =
    mode === 'paused' ? `requests wait at the edge, ${waiting} of them now` : 'users get the maintenance page'
  return [{ said: `${upstream}: ${what}; nobody is changing it`, next: `twinedge slots resume ${upstream}` }]
}

function isRunning({ container }: SlotStatus): boolean {
  return container?.state === 'running'
}

function stateOf({ container }: SlotStatus): string {
  if (container === null) return 'which has no container'
  return container.state === 'exited'
    ? `which has ended (exit code ${container.exitCode})`
    : `which is ${container.state}`
}
