import type { DrainRequest, HoldRequest, ProbeRequest, PromoteRequest, TallyRequest } from './protocol.ts'
import { fieldsOf, isText, refusal } from './requests.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MOST_PASSES = 100
const modes: readonly HoldRequest['mode'][] = ['open', 'paused', 'maintenance']

// Whether there is an upstream or a slot of that name is for the edge to say.

/** @throws EdgeError EDGE_USAGE with what was expected; so do all of these */
export function readProbeRequest(body: unknown): ProbeRequest {
  const { upstream, slot } = fieldsOf('the body', body, ['upstream', 'slot'])
  return { upstream: nameIn('upstream', upstream), slot: nameIn('slot', slot) }
}

export function readPromoteRequest(body: unknown): PromoteRequest {
  const { passes, withinMs, ...rest } = fieldsOf('the body', body, ['upstream', 'slot', 'passes', 'withinMs'])
  return {
    ...readProbeRequest(rest),
    passes: wholeIn('passes', passes, [1, MOST_PASSES]),
    withinMs: wholeIn('withinMs', withinMs, [1, HOUR_MS])
  }
}

export function readDrainRequest(body: unknown): DrainRequest {
  const { withinMs, graceMs, ...rest } = fieldsOf('the body', body, ['upstream', 'slot', 'withinMs', 'graceMs'])
  return {
    ...readProbeRequest(rest),
    withinMs: wholeIn('withinMs', withinMs, [0, DAY_MS]),
    graceMs: wholeIn('graceMs', graceMs, [0, DAY_MS])
  }
}

export function readHoldRequest(body: unknown): HoldRequest {
  const { upstream, mode, longestMs, spreadMs } = fieldsOf('the body', body, [
    'upstream',
    'mode',
    'longestMs',
    'spreadMs'
  ])
  const known = modes.find(one => one === mode)
  if (known === undefined) throw refusal(`mode is one of ${modes.join(', ')}`)
  return {
    upstream: nameIn('upstream', upstream),
    mode: known,
    // A pause that lets nobody wait would be a refusal.
    longestMs: wholeIn('longestMs', longestMs, [known === 'paused' ? 1 : 0, HOUR_MS]),
    spreadMs: wholeIn('spreadMs', spreadMs, [0, HOUR_MS])
  }
}

export function readTallyRequest(body: unknown): TallyRequest {
  const { upstream } = fieldsOf('the body', body, ['upstream'])
  return { upstream: nameIn('upstream', upstream) }
}

function nameIn(field: string, value: unknown): string {
  if (!isText(value)) throw refusal(`${field} is a name`)
  return value
}

/** @throws EdgeError EDGE_USAGE with what was expected */
export function wholeIn(field: string, value: unknown, [least, most]: readonly [number, number]): number {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value)
  throw refusal(`${field} is a whole number from ${least} to ${most}`)
}
