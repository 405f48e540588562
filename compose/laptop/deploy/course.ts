import { EdgeError } from '../../../proxy/errors.ts'
import type { Entry } from '../../record/journal.ts'
import type { Begun, DeployLine, Ended, Move } from '../../server/deploy/records.ts'
import type { Fault } from '../entry/entrance.ts'
import type { Part } from '../plan/site.ts'
import type { Held, World } from '../site/held.ts'
import { lookAtSite } from '../site/sight.ts'
import type { Line } from '../ssh/line.ts'
import { levelStandby } from '../standby/pages.ts'
import { carryOut, codeOf, isOutOfReach, type Movers, takeBack, unfinished, whereItCan } from './moves.ts'
import { faultsNow, verifySite } from './verify.ts'

/** What a change has come to. */
export interface Done {
  readonly begun: Begun
  readonly entries: readonly Entry[]
  /** It does not serve: the entries are of what serves again. */
  readonly isUndone: boolean
}

interface Moved {
  readonly move: Move
  readonly entry: Entry
}

/**
 * Carries out what was begun, whoever began it: what has happened of it already is not done again. If it fails, what
 * served before serves again, and it throws why.
 * @throws EdgeError DEPLOY_UNFINISHED when not even that could be done
 */
export async function complete(world: World, held: Held, begun: Begun): Promise<Done> {
  const moved: Moved[] = []
  // What the server that is away has served cannot be held against what is deployed on the other one.
  const before = world.away.size === 0 ? [] : await faultsNow(world)
  try {
    await noteAll(world, held, begun)
    for (const move of begun.moves) {
      world.signal.throwIfAborted()
      await held.at(`swapping ${move.part} on ${move.server}`)
      moved.push({ move, entry: await carryOut(moversOf(world, held, begun), move) })
      await level(world, held, begun, move)
    }
    world.signal.throwIfAborted()
    await held.at('verifying')
    await verify(world, moved, before)
  } catch (cause) {
    const code = codeOf(cause)
    if (isOutOfReach(code)) throw unfinished(code, cause)
    const isUndone = moved.some(({ entry }) => (entry.before ?? 0) !== 0)
    world.say(`${begun.verb} ${begun.number} failed: ${code}${isUndone ? '; it is undone' : ''}`)
    await takeAllBack(world, held, begun, moved).catch(second => {
      throw unfinished(codeOf(second), cause, second)
    })
    await noteEnd(world, held, begun, { event: 'failed', code, serving: begun.from })
    throw world.signal.aborted ? world.signal.reason : cause
  }
  const serving = { ...begun.from, ...Object.fromEntries(moved.map(({ move, entry }) => [move.part, entry.release])) }
  await noteEnd(world, held, begun, { event: 'done', code: null, serving })
  await prune(world, held, begun)
  return { begun, entries: moved.map(({ entry }) => entry), isUndone: false }
}

/** What was begun by somebody who is gone is undone, as far as it has come. */
export async function undo(world: World, held: Held, begun: Begun): Promise<Done> {
  const moved: Moved[] = []
  const left: Part[] = []
  for (const move of begun.moves) {
    if (world.away.has(move.server)) {
      // Nothing was ordered there before all that comes before it had served.
      if (moved.length + left.length === begun.moves.indexOf(move)) left.push(move.part)
      continue
    }
    const entry = await followed(world, held, begun, move)
    if (entry !== null) moved.push({ move, entry })
  }
  const staying: Partial<Record<Part, number>> = {}
  const entries = await takeAllBack(world, held, begun, moved, whereItCan(staying))
  await noteEnd(world, held, begun, { event: 'undone', code: null, serving: { ...begun.from, ...staying }, left })
  for (const part of left) {
    world.say(`${part} is left out, for its server is away: the next deploy or rollback that reaches it takes it back`)
  }
  return { begun, entries, isUndone: true }
}

/** What an undoing had to leave out is taken back, if nobody has changed it since. @returns whether anything was */
export async function settleLeft(world: World, held: Held): Promise<boolean> {
  let isChanged = false
  for (const [at, deploy] of held.deploys.entries()) {
    for (const move of deploy.moves.filter(({ part }) => deploy.end?.left?.includes(part))) {
      const since = held.deploys.slice(at + 1)
      if (world.away.has(move.server) || since.some(({ moves }) => moves.some(({ part }) => part === move.part)))
        continue
      const entry = await followed(world, held, deploy, move)
      const serves = held.sight.serving.get(move.server)?.upstreams[move.part]?.release
      if (entry === null || serves !== entry.release) continue
      world.say(
        `${move.server} was away when ${deploy.verb} ${deploy.number} was undone: its ${move.part} is taken back`
      )
      const back = await takeAllBack(world, held, deploy, [{ move, entry }], whereItCan({}))
      if (back.length > 0) isChanged = true
    }
  }
  return isChanged
}

/** @returns null for one that was never ordered, and for one that failed: it has undone itself */
async function followed(world: World, held: Held, begun: Begun, move: Move): Promise<Entry | null> {
  const orders = held.sight.records.get(move.server)?.orders ?? []
  if (!orders.some(({ id }) => id === move.order)) return null
  await held.at(`waiting for the swap of ${move.part} on ${move.server}`)
  return carryOut(moversOf(world, held, begun), move).catch(ownFailure)
}

async function takeAllBack(
  world: World,
  held: Held,
  begun: Begun,
  moved: readonly Moved[],
  take = takeBack
): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for (const { move, entry } of moved.toReversed()) {
    await held.at(`taking back ${move.part} on ${move.server}`)
    const back = await take(moversOf(world, held, begun), move, entry)
    // Nobody who has stopped a deploy wants its undoing stopped.
    const calm = { ...world, signal: new AbortController().signal }
    await level(calm, held, begun, { ...move, order: `${move.order}-back` })
    if (back !== null) entries.push(back)
  }
  return entries
}

/** What serves is not undone for an old image that stays. */
async function prune({ lines, site, say }: World, { claim }: Held, { moves, how: { keep } }: Begun): Promise<void> {
  for (const { server, ask } of lines) {
    const parts = moves.flatMap(({ part, server: of }) =>
      of === server.name || (part === 'web' && server.standby) ? [part] : []
    )
    if (parts.length === 0) continue
    const said = await ask('prune', { claim: claim(), project: site.name, parts, keep }).catch((cause: Error) => [
      `old images stay: ${cause.message}`
    ])
    for (const line of said) say(`${server.name}: ${line}`)
  }
}

function level(world: World, held: Held, begun: Begun, after: Move): Promise<void> {
  const movers = moversOf(world, held, begun)
  return levelStandby({ ...world, carryOut: move => carryOut(movers, move) }, after)
}

function moversOf({ lines, site, say, signal }: World, { claim }: Held, begun: Begun): Movers {
  const lineOf = ({ server }: Pick<Move, 'server'>): Line => lines.find(line => line.server.name === server)!
  return { claim, deploy: begun, project: site.name, lineOf, say, signal }
}

/** The edges serve what they should, and what users ask for is answered where they ask for it. */
async function verify(world: World, moved: readonly Moved[], before: readonly Fault[]): Promise<void> {
  const { serving } = await lookAtSite(world.lines, world.site.name)
  for (const { move, entry } of moved) {
    const seen = serving.get(move.server)?.upstreams[move.part]
    if (seen?.slot === entry.slot && seen.imageId === entry.imageId) continue
    const found = seen === undefined ? 'nothing' : `${seen.image} in ${seen.slot}`
    throw new EdgeError(
      'DEPLOY_NOT_VERIFIED',
      `${move.server}: ${move.part} should serve ${entry.image}, found ${found}`
    )
  }
  await verifySite(world, serving, before)
}

async function noteEnd(
  world: World,
  held: Held,
  { id }: Begun,
  end: Pick<Ended, 'event' | 'code' | 'serving' | 'left'>
): Promise<void> {
  const line: Ended = { id, claim: held.claim().id, who: world.claim.who, at: world.now().toISOString(), ...end }
  await noteAll(world, held, line).catch(cause => {
    throw unfinished(codeOf(cause), cause)
  })
}

async function noteAll({ lines }: World, { claim }: Held, line: DeployLine): Promise<void> {
  for (const { ask } of lines) await ask('note', { claim: claim(), line })
}

/** One that failed has undone itself. */
function ownFailure(cause: unknown): null {
  if (isOutOfReach(codeOf(cause))) throw unfinished(codeOf(cause), cause)
  return null
}
