import type { StatusAnswer } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'

export type SlotName = 'blue' | 'green'
const slotNames: readonly string[] = ['blue', 'green'] satisfies SlotName[]

/** Which slot serves, for every upstream that has two of them on this server. */
export type Serving = ReadonlyMap<string, SlotName>

export function servingOf({ upstreams }: StatusAnswer): Serving {
  const slots = upstreams.filter(({ slot }) => slotNames.includes(slot))
  return new Map(slots.filter(({ isActive }) => isActive).map(({ name, slot }) => [name, slot as SlotName]))
}

/** @throws EdgeError EDGE_USAGE for an upstream that is on another server */
export function slotOf(serving: Serving, upstream: string): SlotName {
  const slot = serving.get(upstream)
  if (slot !== undefined) return slot
  throw new EdgeError(
    'EDGE_USAGE',
    `${upstream} has no slots on this server; there are ${[...serving.keys()].join(', ')}`
  )
}

export function otherThan(slot: SlotName): SlotName {
  return slot === 'blue' ? 'green' : 'blue'
}

export function serviceOf(upstream: string, slot: SlotName): string {
  return `${upstream}-${slot}`
}

/** The variable of `.env` that says what this slot runs. */
export function imageVariable(upstream: string, slot: SlotName): string {
  return `${upstream}_${slot}_image`.toUpperCase()
}

/** @returns COMPOSE_PROFILES for these slots, with whatever else it named */
export function profilesFor(current: string, serving: Serving): string {
  const isSlot = (name: string): boolean =>
    slotNames.some(slot => name.endsWith(`-${slot}`) && serving.has(name.slice(0, -slot.length - 1)))
  const others = current
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '' && !isSlot(name))
  return [...[...serving].map(([upstream, slot]) => serviceOf(upstream, slot)), ...others].join(',')
}
