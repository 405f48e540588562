import { EdgeError, type FailureCode } from '../../../proxy/errors.ts'
import type { Entry } from '../../record/journal.ts'
import type { Back, Begun, Claim, Move, Order, OrderEnd } from '../../server/deploy/records.ts'
import { failureAt } from '../plan/commands.ts'
import type { Part } from '../plan/site.ts'
import type { Line } from '../ssh/line.ts'

/** Whom the moves of a deploy are carried out with. */
export interface Movers {
  /** By which the servers know that the site is ours. */
  readonly claim: () => Claim
  readonly deploy: Pick<Begun, 'who' | 'how'>
  /** Compose's. */
  readonly project: string
  readonly lineOf: (move: Pick<Move, 'server'>) => Line
  readonly say: (line: string) => void
  /** The operator wants it stopped: heeded until the flip. */
  readonly signal: AbortSignal
}

/** One that a deploy was begun with, or its undoing. */
type Step = Omit<Move, 'to'> & { readonly to: Move['to'] | Back }

/**
 * One part changes on its server, by an order that goes on whatever becomes of this laptop. A move whose order was given
 * before is followed to its end, and not given again.
 * @throws EdgeError as the change has failed; what served on that server serves then
 */
export async function carryOut(movers: Movers, move: Step): Promise<Entry> {
  const { part, to, order: id } = move
  const end = await giveAndFollow(movers, move, { id, what: { part, to, how: movers.deploy.how } })
  if (!('lost' in end)) return entryOf(end, move)
  movers.say(`${move.server}: the process that was to change ${part} is gone; settling what it left`)
  const settled = await giveAndFollow(movers, move, {
    id: await untried(movers, move, `${id}-settled`),
    what: { settle: id }
  })
  if (!('failure' in settled) || settled.failure.code === 'DEPLOY_ORDER_LOST') return entryOf(settled, move)
  // An engine or an edge that is not back yet: whether the new one serves is known to nobody.
  throw unsettled(move, `${settled.failure.code}: ${settled.failure.detail}`)
}

/**
 * What served before serves again. @param entry of the change that is undone
 * @returns null when nothing is to be done: it does already, or nothing served before
 */
export async function takeBack(movers: Movers, move: Step, entry: Entry): Promise<Entry | null> {
  const { part, server } = move
  const before = entry.before ?? 0
  if (before === 0) {
    movers.say(`${server}: nothing served before this ${part}: it stays`)
    return null
  }
  const { upstreams } = await movers.lineOf(move).ask('serving', { project: movers.project })
  if (upstreams[part]?.release === before) return null
  // Nobody who has stopped a deploy wants its undoing stopped.
  const calm = { ...movers, signal: new AbortController().signal }
  const order = await untried(movers, move, `${move.order}-back`)
  return carryOut(calm, { ...move, order, to: { back: before } })
}

/** An order that failed keeps its end for ever: to be tried again it needs another name. */
async function untried({ lineOf }: Movers, move: Step, name: string): Promise<string> {
  const { orders } = await lineOf(move).ask('deploys', null)
  const isOver = (id: string): boolean => orders.some(one => one.id === id && /^(?:failed|lost)$/.test(one.state))
  for (let tries = 1, id = name; ; id = `${name}-${++tries}`) if (!isOver(id)) return id
}

async function giveAndFollow(
  { claim, deploy, project, lineOf, say, signal }: Movers,
  move: Step,
  order: Pick<Order, 'id' | 'what'>
): Promise<OrderEnd> {
  const line = lineOf(move)
  await line.ask('order', { claim: claim(), order: { ...order, project, who: deploy.who } })
  for (let from = 0, isStopped = false; ; ) {
    const { text, next, end } = await line.ask('follow', { id: order.id, from }).catch(unheard(move))
    from = next
    for (const one of text.split('\n').filter(one => one !== '')) say(`${move.server}: ${one}`)
    if (end !== null) return end
    if (signal.aborted && !isStopped) await line.ask('stop', { id: order.id }).catch(unheard(move))
    isStopped ||= signal.aborted
  }
}

/** Until its own end is heard, an order goes on, whatever has become of the one who tells of it. */
function unheard(move: Step): (cause: unknown) => never {
  return cause => {
    if (cause instanceof EdgeError && /^(?:SSH_|DEPLOY_LOCKED$)/.test(cause.code)) throw cause
    throw unsettled(move, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function unsettled({ server, part }: Step, why: string, cause?: unknown): EdgeError {
  return new EdgeError('DEPLOY_UNFINISHED', `${server}: what became of ${part} is not known: ${why}`, cause)
}

function entryOf(end: OrderEnd, { server }: Step): Entry {
  if ('entry' in end) return end.entry
  const { code, detail } = 'failure' in end ? end.failure : lost
  throw failureAt({ name: server }, { code, detail })
}

const lost = {
  code: 'DEPLOY_ORDER_LOST',
  detail: 'its process was killed, and so was the one that settled it'
} as const

/** Tried again, it fails again: the image is gone, or does not start. */
const forGood: ReadonlySet<string> = new Set(['COMPOSE_NO_RELEASE', 'COMPOSE_CANDIDATE_FAILED'])

/**
 * As takeBack; but what can never be taken back stays, and is told: else nothing would end that deploy, and none come after.
 * @param staying where such a part's release is written down
 */
export function whereItCan(staying: Partial<Record<Part, number>>): typeof takeBack {
  return async (movers, move, entry) => {
    try {
      return await takeBack(movers, move, entry)
    } catch (cause) {
      if (!forGood.has(codeOf(cause))) throw cause
      movers.say(`WARNING: ${move.server}: ${move.part} cannot be taken back, and stays: ${(cause as Error).message}`)
      staying[move.part] = entry.release
      return null
    }
  }
}

/** The server has not said what became of it: it may yet come. Or the deploy is in other hands by now. */
export function isOutOfReach(code: FailureCode): boolean {
  return code.startsWith('SSH_') || code === 'DEPLOY_LOCKED' || code === 'DEPLOY_UNFINISHED'
}

export function unfinished(code: FailureCode, ...causes: readonly unknown[]): EdgeError {
  // Whoever has it now will end it.
  const isTaken = code === 'DEPLOY_LOCKED' && causes[0] instanceof EdgeError
  if (isTaken) return causes[0] as EdgeError
  return new EdgeError('DEPLOY_UNFINISHED', causes.map(cause => (cause as Error).message).join('\n'), causes.at(-1))
}

export function codeOf(cause: unknown): FailureCode {
  return cause instanceof EdgeError ? cause.code : 'EDGE_INTERNAL'
}
