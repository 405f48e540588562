import { EdgeError } from '../../../proxy/errors.ts'
import type { Manner } from '../../change/change.ts'
import type { Begun } from '../../server/deploy/records.ts'
import { type Part, type ServerName, serverOf } from '../plan/site.ts'
import { refuseAway, releasesIn } from '../site/away.ts'
import { deploysOf, refuseOvertaken, refuseUnfinished, unfinishedOf } from '../site/deploys.ts'
import { type Held, lookAgain, type World, withSiteHeld } from '../site/held.ts'
import { complete, type Done, settleLeft, undo } from './course.ts'
import { type HookWords, runHook } from './hooks.ts'
import { type Plan, planDeploy, planRollback } from './plan.ts'
import { megabytes, type Workshop } from './workshop.ts'

/** What the operator wants deployed. */
export interface Wish {
  readonly parts: readonly Part[]
  readonly how: Manner
}

/** A world in which things are built. */
export interface Yard extends World {
  readonly workshop: Workshop
  /** The laptop's own, for hooks. */
  readonly env: NodeJS.ProcessEnv
}

/**
 * Builds, ships, swaps and verifies; whatever fails, what served before serves.
 * @throws EdgeError why it failed
 */
export async function deploy(yard: Yard, wish: Wish): Promise<Done> {
  refuseWithout(yard, wish.parts)
  await refuseEarly(yard)
  await hook(yard, wish, 'before', { number: null, outcome: 'begun' })
  let number: number | null = null
  try {
    for (const part of wish.parts) await yard.workshop.check(part)
    const { images, sources } = await make(yard, wish.parts)
    await ship(yard, images)
    const done = await withSite(yard, async held => {
      refuseUnfinished(held.deploys)
      const begun = planDeploy(planOf(yard, held, wish.how), images, sources)
      number = begun.number
      return complete(yard, held, begun)
    })
    await hook(yard, wish, 'after', { number, outcome: 'done' }).catch(tellOnly(yard))
    return done
  } catch (cause) {
    await hook(yard, wish, 'failed', { number, outcome: 'failed' }).catch(tellOnly(yard))
    throw cause
  }
}

/**
 * What a laptop that died has left is carried on to its end; if that cannot be, it is undone.
 * @returns null when nothing was left
 */
export function finish(world: World): Promise<Done | null> {
  return withSite(world, async held => {
    const left = unfinishedOf(held.deploys)
    if (left === null) return null
    refuseAway(world, serversIn(left), 'twinedge rollback undoes what there is of it')
    refuseOvertaken(left, held.deploys)
    world.say(`finishing ${left.verb} ${left.number}, which ${left.who} began at ${left.at}`)
    return complete(world, held, left)
  })
}

/**
 * Brings back what a deploy has brought; one that was left unfinished is undone instead.
 * @param asked its number; undefined: the one before
 * @throws EdgeError DEPLOY_NO_RELEASE, DEPLOY_UNFINISHED
 */
export function rollBack(
  world: World,
  asked: number | undefined,
  { parts, how }: Pick<Wish, 'parts' | 'how'>
): Promise<Done> {
  return withSite(world, async held => {
    const left = unfinishedOf(held.deploys)
    if (left === null) {
      const begun = planRollback(planOf(world, held, how), asked, parts)
      const rest = begun.moves.filter(({ server }) => !world.away.has(server)).map(({ part }) => part)
      refuseAway(world, serversIn(begun), rest.length === 0 ? '' : `twinedge rollback ${rest.join(' ')}`)
      return complete(world, held, begun)
    }
    if (asked !== undefined) refuseUnfinished(held.deploys)
    world.say(`undoing ${left.verb} ${left.number}, which ${left.who} began at ${left.at}`)
    return undo(world, held, left)
  })
}

/** @throws EdgeError DEPLOY_SERVER_AWAY with what can be deployed all the same */
export function refuseWithout(world: World, parts: readonly Part[]): void {
  const { site, away } = world
  const rest = parts.filter(part => !away.has(serverOf(site, part).name))
  const only = rest.map(part => `twinedge deploy ${part === 'api' ? '--backend-only' : '--frontend-only'}`)
  refuseAway(
    world,
    parts.map(part => serverOf(site, part).name),
    only.join()
  )
}

/** Nobody builds for minutes to be told then. */
async function refuseEarly({ site, lines, hasDied }: World): Promise<void> {
  const seen = await Promise.all(lines.map(async ({ server, ask }) => ({ server, ...(await ask('deploys', null)) })))
  for (const { server, holder } of seen) {
    if (holder === null || hasDied(holder)) continue
    const { who, verb, since, step } = holder
    throw new EdgeError('DEPLOY_LOCKED', `${server.name}: ${who} has been at "${verb}" since ${since}; now: ${step}`)
  }
  refuseUnfinished(deploysOf(seen.map(({ lines }) => lines)))
  // An engine that is stopped, or an edge.
  await Promise.all(lines.map(({ ask }) => ask('serving', { project: site.name })))
}

/** By part, what it is going to run. */
type Images = Partial<Readonly<Record<Part, string>>>

interface Made {
  readonly images: Images
  /** By part, what that was built of. */
  readonly sources: Images
}

async function make({ workshop, say, signal, now }: Yard, parts: readonly Part[]): Promise<Made> {
  const images: Partial<Record<Part, string>> = {}
  const sources: Partial<Record<Part, string>> = {}
  for (const part of parts) {
    signal.throwIfAborted()
    const began = now().getTime()
    const { reference, from } = await workshop.make(part)
    images[part] = reference
    sources[part] = from
    say(`${part}: ${reference}, of ${from}; ${seconds(now().getTime() - began)}`)
  }
  return { images, sources }
}

/** Before anybody is locked out. */
async function ship({ workshop, say, signal, now }: Yard, images: Images): Promise<void> {
  for (const [part, reference] of Object.entries(images) as [Part, string][]) {
    signal.throwIfAborted()
    const began = now().getTime()
    const shipped = await workshop.ship(part, reference)
    if (shipped === null) continue
    const { sentBytes, resentBytes } = shipped
    const again = resentBytes > 0 ? `, and ${megabytes(resentBytes)} of it again` : ''
    const what =
      sentBytes === 0 ? 'all of it is there already' : `shipped the ${megabytes(sentBytes)} that were missing${again}`
    say(`${part}: ${what}; ${seconds(now().getTime() - began)}`)
  }
}

/** What was left for its server was away comes first. */
function withSite<T>(world: World, work: (held: Held) => Promise<T>): Promise<T> {
  return withSiteHeld(world, async held => {
    return work((await settleLeft(world, held)) ? await lookAgain(world, held) : held)
  })
}

function serversIn({ moves }: Pick<Begun, 'moves'>): ServerName[] {
  return moves.map(({ server }) => server)
}

function planOf(world: World, held: Held, how: Manner): Plan {
  const { site, claim, now, away } = world
  const { deploys } = held
  const serving = releasesIn(world, held)
  return { site, deploys, serving, id: claim.id, who: claim.who, at: now().toISOString(), how, away }
}

async function hook(
  yard: Yard,
  { parts }: Wish,
  name: 'before' | 'after' | 'failed',
  words: Omit<HookWords, 'parts'>
): Promise<void> {
  await runHook(yard.site, name, { ...words, parts }, yard)
}

/** What serves is not undone for a message that could not be sent. */
function tellOnly({ say }: World): (cause: Error) => void {
  return cause => say(`WARNING: ${cause.message}`)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
