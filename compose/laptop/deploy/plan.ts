import { EdgeError } from '../../../proxy/errors.ts'
import type { Begun, Move, Releases } from '../../server/deploy/records.ts'
import { type Part, type ServerName, type Site, serverOf } from '../plan/site.ts'
import { type Deploy, lastBuild, servingOf } from '../site/deploys.ts'

/** Who wants it, and how. */
export interface Plan extends Pick<Begun, 'id' | 'who' | 'at' | 'how'> {
  readonly site: Site
  readonly deploys: readonly Deploy[]
  readonly serving: Releases
  /** Servers that are not reached; none: all are. */
  readonly away?: ReadonlyMap<ServerName, unknown>
}

/** The halves in the order in which they change: a web app may rely on its API, never the other way round. */
const forward: readonly Part[] = ['api', 'web']

type ByPart = Partial<Readonly<Record<Part, string>>>

/**
 * @param images what each part that changes is going to run
 * @param sources what they were built of
 */
export function planDeploy(plan: Plan, images: ByPart, sources: ByPart = {}): Begun {
  const number = nextAfter(
    plan.deploys.map(deploy => deploy.number),
    plan.away
  )
  const targets = forward.flatMap(part => (images[part] === undefined ? [] : [{ part, to: { image: images[part] } }]))
  return { ...begin(plan, { number, verb: 'deploy', targets }), sources: knownSources(plan.deploys, images, sources) }
}

/**
 * @param asked a deploy by its number; undefined: the one before, so that a second rollback goes forward again
 * @param parts that may change
 * @throws EdgeError DEPLOY_NO_RELEASE
 */
export function planRollback(plan: Plan, asked: number | undefined, parts: readonly Part[]): Begun {
  const { deploys, serving } = plan
  const current = servingOf(deploys)
  if (current === null) throw new EdgeError('DEPLOY_NO_RELEASE', 'nothing was deployed here yet')
  const number = asked ?? current.before
  const wanted = asked === undefined ? current.from : servedBy(deploys, asked)
  if (wanted === null) throw new EdgeError('DEPLOY_NO_RELEASE', `there is no deploy ${asked} that has served`)
  // Before its first swap a part had none: the first that its server counts is what ran then.
  const release = (part: Part, of: Releases): number => of[part] ?? 1
  const targets = (number > current.number ? forward : forward.toReversed())
    .filter(part => parts.includes(part) && release(part, wanted) !== release(part, serving))
    .map(part => ({ part, to: { release: release(part, wanted) } }))
  if (targets.length > 0) return begin(plan, { number, verb: 'rollback', targets })
  if (number === 0)
    throw new EdgeError('DEPLOY_NO_RELEASE', 'the first deploy serves: nothing of ours served before it')
  throw new EdgeError('DEPLOY_NO_RELEASE', `what deploy ${number} has brought serves already`)
}

/** Of one that was built before, the deploy for which it was built tells more. */
function knownSources(deploys: readonly Deploy[], images: ByPart, sources: ByPart): ByPart {
  const known = (Object.entries(sources) as [Part, string][]).map(([part, from]) => {
    const hasIt = ({ moves }: Deploy): boolean =>
      moves.some(move => move.part === part && 'image' in move.to && move.to.image === images[part])
    return [part, (from === lastBuild ? deploys.findLast(hasIt)?.sources?.[part] : null) ?? from]
  })
  return Object.fromEntries(known)
}

function servedBy(deploys: readonly Deploy[], number: number): Releases | null {
  const found = deploys.findLast(deploy => deploy.number === number && deploy.end?.event === 'done')
  return found?.end?.serving ?? null
}

interface Course extends Pick<Begun, 'number' | 'verb'> {
  readonly targets: readonly Pick<Move, 'part' | 'to'>[]
}

/**
 * The next one, which nobody else can have given: what only the server knows that is away counts, too. There is one at
 * most that was begun there by somebody who reached both, and it has the next; any number that were begun there by
 * somebody who did not reach this one, who counts as we do, but by even numbers where we take odd ones.
 */
function nextAfter(given: readonly number[], away: Plan['away'] = new Map()): number {
  const last = Math.max(0, ...given)
  if (away.size === 0) return last + 1
  const isOdd = away.has('backend')
  return last + 2 + (((last + 2) % 2 === 1) === isOdd ? 0 : 1)
}

function begin({ site, deploys, serving, id, who, at, how, away }: Plan, { number, verb, targets }: Course): Begun {
  const moves = targets.map(({ part, to }) => ({ part, server: serverOf(site, part).name, order: `${id}-${part}`, to }))
  const turn = nextAfter(
    deploys.map(deploy => deploy.turn),
    away
  )
  const before = servingOf(deploys)?.number ?? 0
  return { event: 'begun', id, number, before, turn, verb, who, at, moves, from: serving, how }
}
