import { EdgeError } from '../../proxy/errors.ts'
import type { Container } from '../container/container.ts'
import { exportLines, shell, slotFile, slotFolder, wrapper } from '../container/slot-environment.ts'
import { isNamedById } from '../record/releases.ts'
import { readVariable } from '../stack/env-file.ts'
import { imageVariable, profilesFor, serviceOf, servingOf } from '../stack/slots.ts'
import type { Change, Parties, Step } from './change.ts'
import { evidence } from './evidence.ts'

const lookMs = 250
/** Without a health check of its own, a candidate that has run this long goes on to the edge's. */
const settledMs = 2_000
const hasEnded = 'it has ended'

/** Out of the way with whatever the idle slot still holds; but what streams from it ends first. */
export const clearIdle: Step = async (parties, change) => {
  const { engine, edge, stack, say } = parties
  const { upstream, to, how } = change
  const left = await engine.find(stack.project, serviceOf(upstream, to))
  if (left === null) return
  if (left.state === 'running') {
    say(`${left.service} runs still: it drains first`)
    await edge.drain({ upstream, slot: to, withinMs: how.drainMs, graceMs: 10_000 })
    await awaitEmpty(parties, change, how.drainMs)
    await engine.stop(left.id)
  }
  // What it has served with may be in a volume without a name: that is not ours to throw away. This one is.
  await engine.remove(left.id, slotFolder)
}

async function awaitEmpty({ edge, pause, now, signal }: Parties, { upstream, to }: Change, ms: number): Promise<void> {
  for (const end = now().getTime() + ms; now().getTime() < end; await pause(lookMs)) {
    signal.throwIfAborted()
    const { upstreams } = await edge.status()
    if (!upstreams.some(({ name, slot, inFlight }) => name === upstream && slot === to && inFlight > 0)) return
  }
}

/**
 * By Compose, from the compose file's own definition of the slot; its hash then tells the next `up -d` that all is well.
 * For a rollback too: what the release has left behind has the settings and the network of its own day.
 */
export const createCandidate: Step = async ({ engine, edge, docker, stack, say }, change) => {
  const { upstream, to, image, imageId, tag } = change
  const service = serviceOf(upstream, to)
  await engine.tag(imageId, tag)
  // As `.env` is going to say it, since what depends on what is part of the definition.
  const serving = new Map([...servingOf(await edge.status()), [upstream, to] as const])
  const profiles = profilesFor(await readVariable(stack.envFile, 'COMPOSE_PROFILES'), serving)
  await docker.create(service, { COMPOSE_PROFILES: profiles, [imageVariable(upstream, to)]: tag })
  say(`${service}: made from ${image}`)
}

/** Its environment until the hand-over: Compose's hash is kept, and the compose files know nothing of it. */
export const equipCandidate: Step = async (parties, change) => {
  const { engine, candidateEnv, say } = parties
  const names = Object.keys(candidateEnv)
  if (names.length === 0) return
  const { id, service } = await findCandidate(parties, change)
  if (!(await engine.hasFile(id, shell))) {
    throw new EdgeError(
      'COMPOSE_CANDIDATE_FAILED',
      `${service}: its image has no ${shell}, which --candidate-env needs`
    )
  }
  await engine.remake(id, { wrapper, volume: slotFolder })
  await engine.write((await findCandidate(parties, change)).id, slotFolder, slotFile, exportLines(candidateEnv))
  say(`${service}: has ${names.join(', ')} of its own until the hand-over`)
}

export const startCandidate: Step = async (parties, change) => {
  const { engine, say } = parties
  const candidate = await findCandidate(parties, change)
  // One that dies is to stay dead, with its exit code, until it is known to be good.
  await engine.setRestart(candidate.id, 'no')
  await engine.start(candidate.id)
  say(`${candidate.service}: started`)
}

/** @throws EdgeError COMPOSE_CANDIDATE_FAILED, at once when it exits or says that it is unhealthy */
export const awaitHealthy: Step = async (parties, change) => {
  const { engine, say, now, pause, signal } = parties
  const end = now().getTime() + change.how.withinMs
  for (;;) {
    signal.throwIfAborted()
    const candidate = await findCandidate(parties, change)
    const verdict = verdictOf(candidate, now())
    if (verdict === 'good') {
      // As the compose files have it, which .env's `up -d` would not mend: it is not part of the hash.
      await engine.setRestart(candidate.id, 'unless-stopped')
      say(`${candidate.service}: healthy`)
      return
    }
    if (verdict === hasEnded && (await endedWithEngine(parties, change, candidate))) {
      say(`${candidate.service}: it ended with the engine, and is started again`)
      await engine.start(candidate.id)
    } else if (verdict !== 'wait') throw await evidence(parties, change, verdict)
    if (now().getTime() >= end)
      throw await evidence(parties, change, `not healthy within ${change.how.withinMs / 1_000} s`)
    await pause(lookMs)
  }
}

/** What serves came back by itself, later than the candidate was started. With a hold they would be two then. */
async function endedWithEngine(parties: Parties, { upstream, from, how }: Change, { startedAt }: Container) {
  const { engine, stack } = parties
  const old = how.isHeld ? null : await engine.find(stack.project, serviceOf(upstream, from))
  return old?.state === 'running' && Date.parse(old.startedAt) > Date.parse(startedAt)
}

/** @returns `good`, `wait`, or why it will not do */
export function verdictOf({ state, health, startedAt }: Container, now: Date): string {
  if (state === 'exited' || state === 'dead' || state === 'restarting') return hasEnded
  if (health === 'unhealthy') return 'it says that it is unhealthy'
  if (state !== 'running' || health === 'starting') return 'wait'
  return health === 'healthy' || now.getTime() - Date.parse(startedAt) > settledMs ? 'good' : 'wait'
}

/** What failed leaves nothing behind. */
export const removeCandidate: Step = async ({ engine, stack }, change) => {
  const { upstream, to, verb, tag } = change
  const candidate = await engine.find(stack.project, serviceOf(upstream, to))
  if (candidate !== null) await engine.remove(candidate.id, 'all')
  // Of an image that has no other name this would be the end.
  if (verb === 'swap' && !isNamedById(change)) await engine.untag(tag)
}

export async function findCandidate({ engine, stack }: Parties, { upstream, to }: Change): Promise<Container> {
  const service = serviceOf(upstream, to)
  const found = await engine.find(stack.project, service)
  if (found === null) throw new EdgeError('COMPOSE_CANDIDATE_FAILED', `${service}: its container was removed`)
  return found
}
