import { serviceOf } from '../stack/slots.ts'
import { awaitHealthy, verdictOf } from './candidate.ts'
import type { Change, Parties, Step } from './change.ts'

const lookMs = 250
/** Time for what was asked before requests had to wait, and for WebSockets to answer the close frame. */
const quietMs = 10_000
/** Beyond a start, how long requests may wait at most: for quiet, for a stop (40 s in the compose files), for probes. */
const slackMs = 120_000
const spreadMs = 2_000

/** Streams get their time while everything still goes on. A WebSocket may never end: it is told to go, later. */
export const awaitStreams: Step = async (parties, change) => {
  parties.say(
    `${serviceOf(change.upstream, change.from)}: waiting for its streams, up to ${change.how.drainMs / 1_000} s`
  )
  await awaitNone(parties, change, change.how.drainMs, ({ streams }) => streams)
}

/** Requests wait at the edge from here on, and what is on its way ends; WebSockets come back, and wait as well. */
export const holdRequests: Step = async (parties, change) => {
  const { edge, say } = parties
  const { upstream, from, how } = change
  // What waits counts among what users saw.
  await edge.tally(upstream)
  await hold(parties, change)
  // What does not end in time is for the slot itself to end, when it stops.
  await edge.drain({ upstream, slot: from, withinMs: how.withinMs + slackMs, graceMs: quietMs })
  say(`${upstream}: requests wait at the edge`)
  await awaitNone(parties, change, quietMs, ({ inFlight }) => inFlight)
}

/** After a reboot it comes back by itself, for until the flip there is nothing else that would serve. */
export const suspendOld: Step = async ({ engine, stack, say }, { upstream, from, to }) => {
  const old = await engine.find(stack.project, serviceOf(upstream, from))
  if (old === null) return
  await engine.setRestart(old.id, 'always')
  await engine.stop(old.id)
  say(`${old.service}: stopped; ${serviceOf(upstream, to)} has its place`)
}

/** An edge that restarts while the candidate starts has forgotten that requests are to wait. */
export const awaitHealthyHeld: Step = (parties, change) => {
  const pause = async (ms: number): Promise<void> => {
    const { startedAt, upstreams } = await parties.edge.status()
    const isOpen = upstreams.some(({ name, hold }) => name === change.upstream && hold.mode === 'open')
    if (isOpen && Date.parse(startedAt) > Date.parse(change.beganAt)) await hold(parties, change)
    await parties.pause(ms)
  }
  return awaitHealthy({ ...parties, pause }, change)
}

/** Lets go what waits, spread out. */
export const openRequests: Step = async ({ edge, now, pause, say }, { upstream }) => {
  const { waiting } = await edge.hold({ upstream, mode: 'open', longestMs: slackMs, spreadMs })
  say(`${upstream}: requests go on, ${waiting} of them after a wait`)
  for (const end = now().getTime() + 2 * spreadMs; now().getTime() < end; await pause(lookMs)) {
    const { upstreams } = await edge.status()
    if (!upstreams.some(({ name, hold }) => name === upstream && hold.waiting > 0)) return
  }
}

/** A hold that failed: the slot that was stopped serves again. */
export const restartOld: Step = async (parties, change) => {
  const { engine, stack, now, pause, say } = parties
  const { upstream, from, how } = change
  const service = serviceOf(upstream, from)
  const old = await engine.find(stack.project, service)
  if (old === null) return say(`${service} is gone: docker compose up -d makes it anew`)
  // They may have been let go meanwhile, by a restart of the edge or because their time was over.
  if (old.state !== 'running') await hold(parties, change)
  await engine.setRestart(old.id, 'unless-stopped')
  await engine.start(old.id)
  for (const end = now().getTime() + how.withinMs; now().getTime() < end; await pause(lookMs)) {
    const again = await engine.find(stack.project, service)
    if (again !== null && verdictOf(again, now()) === 'good') break
  }
  say(`${service}: started again`)
}

async function hold({ edge }: Parties, { upstream, how }: Change): Promise<void> {
  await edge.hold({ upstream, mode: 'paused', longestMs: how.withinMs + slackMs, spreadMs: 0 })
}

interface Load {
  readonly streams: number
  readonly inFlight: number
}

async function awaitNone(parties: Parties, change: Change, ms: number, count: (load: Load) => number): Promise<void> {
  const { edge, now, pause, signal } = parties
  for (const end = now().getTime() + ms; now().getTime() < end; await pause(lookMs)) {
    signal.throwIfAborted()
    const { upstreams } = await edge.status()
    if (!upstreams.some(one => one.name === change.upstream && one.slot === change.from && count(one) > 0)) return
  }
}
