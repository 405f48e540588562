import { EdgeError } from '../../proxy/errors.ts'
import type { Container } from '../container/container.ts'
import { type Entry, readJournal, writeJournal } from '../record/journal.ts'
import { nextRelease, releasesOf, rollbackTarget } from '../record/releases.ts'
import { checkMemory } from '../stack/memory.ts'
import { otherThan, type SlotName, serviceOf, servingOf, slotOf } from '../stack/slots.ts'
import { findCandidate } from './candidate.ts'
import type { Change, Manner, Parties, Step } from './change.ts'

/** What may stand in the name of an image; Compose allows a project more: `a-`, `a___b`. */
const imageFolder = /^[a-z0-9]+((_|__|-+)[a-z0-9]+)*$/

/** @throws EdgeError EDGE_USAGE, COMPOSE_IMAGE_MISSING: nothing has been touched */
export async function planSwap(parties: Parties, upstream: string, image: string, how: Manner): Promise<Change> {
  const { serving, active } = await look(parties, upstream)
  const imageId = await fetchImage(parties, image)
  const journal = await withFirst(parties, upstream, serving, active)
  const release = nextRelease(journal, upstream)
  const tag = tagOf(parties, upstream, release)
  return { verb: 'swap', ...begin(parties, journal, upstream), ...sides(serving), release, image, imageId, tag, how }
}

/** @throws EdgeError COMPOSE_NO_RELEASE, and as above */
export async function planRollback(
  parties: Parties,
  upstream: string,
  asked: number | undefined,
  how: Manner
): Promise<Change> {
  const { serving } = await look(parties, upstream)
  const journal = await readJournal(parties.records)
  const { release, image, imageId, tag } = rollbackTarget(await withImages(parties, journal, upstream), upstream, asked)
  return {
    verb: 'rollback',
    ...begin(parties, journal, upstream),
    ...sides(serving),
    release,
    image,
    imageId,
    tag,
    how
  }
}

/**
 * What serves, anew in the other slot: under its own number, so that a rollback goes where it would have gone.
 * @throws EdgeError EDGE_USAGE, LOOK_NO_CONTAINER
 */
export async function planRestart(parties: Parties, upstream: string, how: Manner): Promise<Change> {
  const { serving, active } = await look(parties, upstream)
  if (active === null) {
    throw new EdgeError('LOOK_NO_CONTAINER', `${serviceOf(upstream, serving)} serves, and has no container`)
  }
  const journal = await withFirst(parties, upstream, serving, active)
  const current = releasesOf(journal, upstream).at(-1)
  // Somebody has put another image there by hand: that is what serves.
  if (current?.imageId !== active.imageId) return planSwap(parties, upstream, active.imageId, how)
  const { release, image, imageId, tag, before } = current
  await parties.engine.tag(imageId, tag)
  const begun = { ...begin(parties, journal, upstream), before: before ?? 0 }
  return { verb: 'restart', ...begun, ...sides(serving), release, image, imageId, tag, how }
}

/**
 * For both at once; once the candidate is made, for its limit is what the compose files say today.
 * @throws EdgeError COMPOSE_MEMORY_SHORT with the figures: it has not been started
 */
export const checkRoom: Step = async (parties, change) => {
  const { engine, stack, meminfo } = parties
  const active = await engine.find(stack.project, serviceOf(change.upstream, change.from))
  const { memoryLimitBytes: limitBytes } = await findCandidate(parties, change)
  const usedBytes = active?.state === 'running' ? await engine.memoryInUse(active.id) : 0
  checkMemory(serviceOf(change.upstream, change.from), { limitBytes, usedBytes }, await meminfo())
}

interface Sight {
  readonly serving: SlotName
  readonly active: Container | null
}

async function look({ edge, engine, stack }: Parties, upstream: string): Promise<Sight> {
  const serving = slotOf(servingOf(await edge.status()), upstream)
  return { serving, active: await engine.find(stack.project, serviceOf(upstream, serving)) }
}

function sides(serving: SlotName): Pick<Change, 'from' | 'to'> {
  return { from: serving, to: otherThan(serving) }
}

function begin(
  { now, who }: Parties,
  journal: readonly Entry[],
  upstream: string
): Pick<Change, 'upstream' | 'before' | 'beganAt' | 'who'> {
  const before = releasesOf(journal, upstream).at(-1)?.release ?? 0
  return { upstream, before, beganAt: now().toISOString(), who }
}

async function fetchImage({ engine, docker, say }: Parties, image: string): Promise<string> {
  const here = await engine.imageId(image)
  if (here !== null) return here
  say(`${image} is not here: it is pulled`)
  await docker.pull(image)
  const pulled = await engine.imageId(image)
  if (pulled === null) throw new EdgeError('COMPOSE_IMAGE_MISSING', `${image} is not here, not even after a pull`)
  return pulled
}

/** Without the releases whose images are no longer here; but with the one that serves, which tells them apart. */
async function withImages({ engine }: Parties, journal: readonly Entry[], upstream: string): Promise<Entry[]> {
  const serving = releasesOf(journal, upstream).at(-1)?.tag
  const tags = [...new Set(journal.map(({ tag }) => tag))]
  const ids = await Promise.all(tags.map(tag => engine.imageId(tag)))
  return journal.filter(({ tag }) => tag === serving || ids[tags.indexOf(tag)] !== null)
}

/** What served before the first swap is a release, too, that one may go back to. */
async function withFirst(
  parties: Parties,
  upstream: string,
  slot: SlotName,
  active: Container | null
): Promise<Entry[]> {
  const journal = await readJournal(parties.records)
  if (active === null || releasesOf(journal, upstream).length > 0) return journal
  const release = nextRelease(journal, upstream)
  const tag = tagOf(parties, upstream, release)
  await parties.engine.tag(active.imageId, tag)
  const found = { verb: 'found', outcome: 'done', code: null, before: null, tookMs: 0, report: null } as const
  const { image, imageId } = active
  const entry = {
    ...found,
    at: parties.now().toISOString(),
    who: parties.who,
    upstream,
    release,
    slot,
    image,
    imageId,
    tag
  }
  await writeJournal(parties.records, entry)
  return [...journal, entry]
}

/** A name of our own, of no registry: what the operator calls it may mean another image tomorrow. */
function tagOf({ stack }: Parties, upstream: string, release: number): string {
  const { project } = stack
  const folder = imageFolder.test(project) ? project : `x-${Buffer.from(project).toString('hex')}`
  return `localhost/${folder}/${upstream}:release-${release}`
}
