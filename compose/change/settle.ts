import type { UpstreamStatus } from '../../proxy/control/protocol.ts'
import { EdgeError } from '../../proxy/errors.ts'
import type { Executed } from '../container/exec.ts'
import { slotFile, slotFolder } from '../container/slot-environment.ts'
import { type Report, readJournal } from '../record/journal.ts'
import { isNamedById, outdated } from '../record/releases.ts'
import { readVariable, setVariables } from '../stack/env-file.ts'
import { imageVariable, profilesFor, serviceOf, servingOf } from '../stack/slots.ts'
import { findCandidate } from './candidate.ts'
import type { Change, Manner, Parties, Step } from './change.ts'

const lookMs = 500
const tellMs = 5_000
/** For the hand-over: less than a call to the engine may be silent. */
const handOverMs = 60_000
/** For WebSockets to answer the close frame. */
const graceMs = 10_000

/** `.env` says what serves, so that `up -d`, a reboot and `down` agree with it. */
export const writeEnvironment: Step = async ({ edge, stack }, { upstream, to, tag }) => {
  const serving = servingOf(await edge.status())
  const profiles = profilesFor(await readVariable(stack.envFile, 'COMPOSE_PROFILES'), serving)
  await setVariables(stack.envFile, { COMPOSE_PROFILES: profiles, [imageVariable(upstream, to)]: tag })
}

/** What is in flight to the old slot ends by itself, or at the deadline. */
export const drainOld: Step = async (parties, change) => {
  const { edge, now, pause, say } = parties
  const { upstream, from, how } = change
  if (isEmptied(await oldSlot(parties, change))) return
  await edge.drain({ upstream, slot: from, withinMs: how.drainMs, graceMs })
  // The edge keeps the deadline; this is for one that forgets.
  const end = now().getTime() + how.drainMs + graceMs
  for (let told = 0; now().getTime() < end; await pause(lookMs)) {
    const old = await oldSlot(parties, change)
    if (old === undefined || isEmptied(old) || old.drain === null) return
    if (now().getTime() - told < tellMs) continue
    told = now().getTime()
    say(
      `${serviceOf(upstream, from)}: ${old.inFlight} in flight, ${old.streams} of them streams; cut at ${old.drain.cutAt}`
    )
  }
}

/** It stays, with its image, for a rollback. */
export const stopOld: Step = async ({ engine, stack, say }, { upstream, from }) => {
  const old = await engine.find(stack.project, serviceOf(upstream, from))
  if (old === null) return
  // Or a reboot would bring it back.
  if (old.restart !== 'unless-stopped') await engine.setRestart(old.id, 'unless-stopped')
  if (old.state !== 'exited') await engine.stop(old.id)
  say(`${old.service}: stopped, and kept for a rollback`)
}

/**
 * Whatever must run in one place only is started here, once the other place has stopped. A failure is told, not undone:
 * it must not stand in the way of the next swap, which may be the one that mends it.
 */
export const handOver: Step = async (parties, change) => {
  const { handOver: command } = change.how
  if (command === null) return
  const { code, said } = await runIn(parties, change, command).catch(refused)
  const end = code === null ? `FAILED, it has not ended within ${handOverMs / 1_000} s` : `FAILED, exit code ${code}`
  parties.say(`hand-over ${code === 0 ? 'done' : end}${said === '' ? '' : `: ${said.slice(-500)}`}`)
}

async function runIn(parties: Parties, change: Change, command: string): Promise<Executed> {
  const { id, mounts } = await findCandidate(parties, change)
  // Whenever it starts again, it is with its ordinary environment from here on.
  if (slotFolder in mounts) await parties.engine.write(id, slotFolder, slotFile, '')
  return parties.engine.exec(id, command, handOverMs)
}

/** It is gone, or does not run. */
function refused(cause: unknown): Executed {
  const isTold = cause instanceof EdgeError && ['COMPOSE_CANDIDATE_FAILED', 'COMPOSE_REFUSED'].includes(cause.code)
  if (!isTold) throw cause
  return { code: 126, said: cause.message }
}

/** The images of releases that nobody will go back to. What is in use stays, and what `.env` falls back on. */
export async function pruneImages(
  { engine, stack, records, say }: Parties,
  { upstream, how }: Pick<Change, 'upstream'> & { readonly how: Pick<Manner, 'keep'> }
): Promise<void> {
  const fallback = await readVariable(stack.envFile, `${upstream}_image`.toUpperCase())
  // However it is spelled: app is app:latest.
  const fallbackId = fallback === '' ? null : await engine.imageId(fallback)
  for (const old of outdated(await readJournal(records), upstream, how.keep)) {
    const { release, tag, image, imageId, isImageOver } = old
    if (!(await engine.untag(tag))) continue
    say(`${upstream}: release ${release} is too long ago to be kept`)
    // By its id it would lose whatever else it is called.
    if (!isImageOver || imageId === fallbackId || isNamedById(old)) continue
    // The name may mean a newer one by now.
    if ((await engine.imageId(image)) !== imageId) continue
    await engine.untag(image)
  }
}

/** What users saw, as the edge has counted it since the flip; null: it restarted meanwhile, or is not there. */
export async function reportOf({ edge }: Parties, { upstream, from, beganAt }: Change): Promise<Report | null> {
  const status = await edge.status().catch(() => null)
  const old = status?.upstreams.find(({ name, slot }) => name === upstream && slot === from)
  if (status === null || old === undefined || Date.parse(status.startedAt) > Date.parse(beganAt)) return null
  const { tally, drain } = old
  const carried = drain?.carried ?? { requests: 0, streams: 0, webSockets: 0 }
  const cut = drain?.cut ?? tally.streamsCut
  return { requests: tally.requests, failed: tally.failed, carried, cut, longestMs: tally.longestMs }
}

async function oldSlot({ edge }: Parties, { upstream, from }: Change): Promise<UpstreamStatus | undefined> {
  return (await edge.status()).upstreams.find(({ name, slot }) => name === upstream && slot === from)
}

function isEmptied(old: UpstreamStatus | undefined): boolean {
  return old?.drain?.isDone === true && old.inFlight === 0
}
