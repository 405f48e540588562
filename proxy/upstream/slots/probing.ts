import { setTimeout as pause } from 'node:timers/promises'
import type { UpstreamConfig } from '../../config/config.ts'
import type { PromoteRequest } from '../../control/protocol.ts'
import { connectorTo, failureOfConnect } from '../connector.ts'
import { type Probe, probe } from '../health-check.ts'

const PAUSE_MS = 200
/** Of an hour's worth of probes nobody reads the first. */
const MOST_KEPT = 100

/** One try, as `health` says; without it, a connection must open. Never throws. */
export function probeOnce(origin: string, { health, connectMs }: UpstreamConfig, withinMs: number): Promise<Probe> {
  if (health === null) return probeConnection(origin, Math.min(connectMs, withinMs))
  return probe(origin, { ...health, timeoutMs: Math.min(health.timeoutMs, withinMs) })
}

/**
 * Probes until `passes` in a row were good, the time is over or nobody wants to know any more.
 * @returns what was seen, in order; at least one
 */
export async function probeUntil(
  origin: string,
  config: UpstreamConfig,
  { passes, withinMs }: Pick<PromoteRequest, 'passes' | 'withinMs'>,
  asker: AbortSignal
): Promise<{ isGood: boolean; saw: string[] }> {
  const endMs = performance.now() + withinMs
  const saw: string[] = []
  for (let inRow = 0; ; ) {
    const last = await probeOnce(origin, config, Math.max(PAUSE_MS, Math.ceil(endMs - performance.now())))
    saw.push(last.saw)
    if (saw.length > MOST_KEPT) saw.shift()
    inRow = last.isGood ? inRow + 1 : 0
    if (inRow >= passes) return { isGood: true, saw }
    if (asker.aborted) return { isGood: false, saw }
    // One that is given no time would say nothing of the slot.
    if (performance.now() + 2 * PAUSE_MS >= endMs) return { isGood: false, saw }
    await pause(PAUSE_MS, undefined, { ref: false })
  }
}

function probeConnection(origin: string, withinMs: number): Promise<Probe> {
  const { promise, resolve } = Promise.withResolvers<Probe>()
  const connector = connectorTo(origin, withinMs)
  const socket = connector.connect(() => true)
  const fail = (saw: string): void => resolve({ isGood: false, saw })
  const deadline = setTimeout(() => fail(`no connection within ${withinMs} ms`), withinMs)
  socket.once(connector.readyEvent, () => resolve({ isGood: true, saw: 'a connection opens' }))
  socket.on('error', cause => fail(failureOfConnect(cause).detail))
  socket.once('close', () => fail('closed while connecting'))
  return promise.finally(() => {
    clearTimeout(deadline)
    socket.destroy()
  })
}
