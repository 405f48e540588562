import { setTimeout as after } from 'node:timers/promises'
import type { Field } from './field.ts'

/** For each stream, the longest wait between two of its events: in milliseconds, the worst first. */
export interface StreamGaps {
  /** While nothing was lost: what this machine can do. */
  readonly beforeMs: readonly number[]
  readonly duringMs: readonly number[]
  /** Streams that ended, though nobody asked them to. */
  readonly cut: number
  /** Packets of the one line that were lost. */
  readonly lost: number
}

export interface StreamsWanted {
  readonly count: number
  /** Events, on each. */
  readonly perSecond: number
  /** 0 to 1. */
  readonly loss: number
  readonly seconds: number
}

const settleMs = 2_000
const wellKnown = new Set([8000, 7443])
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** All streams at the same pace for `seconds`; then, for as long, the busiest connection between the servers loses packets. */
export async function measureStreams(field: Field, wanted: StreamsWanted): Promise<StreamGaps> {
  const { ground, upstream, visitor, target } = field
  const open = (): Promise<number> => visitor.ask('openStream', { target, path: '/api/v1/chat/stream' })
  const ids = await Promise.all(Array.from({ length: wanted.count }, open))
  await upstream.ask('rate', wanted.count * wanted.perSecond)
  await after(settleMs)
  const quiet = await spell(wanted.seconds)
  const port = await busiestPort(field)
  const droppedBefore = await dropped(field)
  await ground.wan.lossOfPort(port, wanted.loss)
  const lossy = await spell(wanted.seconds)
  await ground.wan.lossOfPort(port, 0)
  const lost = (await dropped(field)) - droppedBefore
  await after(settleMs)
  const gaps = { beforeMs: [] as number[], duringMs: [] as number[], cut: 0, lost }
  for (const id of ids) {
    const { events, sentAtMs, hasEnded } = await visitor.ask('readStream', { id })
    const times = events.map(({ atMs }) => sentAtMs + atMs)
    gaps.beforeMs.push(longestGap(times, quiet))
    gaps.duringMs.push(longestGap(times, lossy))
    if (hasEnded) gaps.cut++
    await visitor.ask('closeStream', id)
  }
  await upstream.ask('rate', 0)
  for (const all of [gaps.beforeMs, gaps.duringMs]) all.sort((a, b) => b - a)
  return gaps
}

/** @returns when it began and ended */
async function spell(seconds: number): Promise<[number, number]> {
  const beganMs = nowMs()
  await after(seconds * 1000)
  return [beganMs, nowMs()]
}

/** The client's side of the connection that carries most: on one server there is but one connection with that port. */
async function busiestPort({ ground }: Field): Promise<number> {
  await ground.wan.flows()
  await after(settleMs)
  const busiest = (await ground.wan.flows()).toSorted((a, b) => b.bytes - a.bytes)[0]
  if (busiest === undefined) throw new Error('nothing passes between the servers')
  return wellKnown.has(busiest.from) ? busiest.to : busiest.from
}

async function dropped({ ground }: Field): Promise<number> {
  const stats = await ground.wan.stats()
  return stats['from-frontend'].dropped + stats['from-backend'].dropped
}

/** Between events of which the first came within the spell: what was lost at its end comes later. */
function longestGap(times: readonly number[], [beganMs, endedMs]: readonly [number, number]): number {
  const gaps = times.slice(1).map((time, index) => [times[index] ?? time, time] as const)
  const within = gaps.filter(([from]) => from >= beganMs && from < endedMs)
  return Math.max(0, ...within.map(([from, to]) => to - from))
}
