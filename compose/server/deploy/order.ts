import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EdgeError } from '../../../proxy/errors.ts'
import { createStateFile, writeStateFile } from '../../../proxy/state/state-file.ts'
import { type Entry, readJournal } from '../../record/journal.ts'
import { rollback, takeBack } from '../../rollback.ts'
import { type Access, changeStack } from '../../session.ts'
import { swap } from '../../swap.ts'
import { readOrder } from './orders.ts'
import type { Order, OrderEnd } from './records.ts'

/** What has just booted is there within this. */
const backMs = 60_000
const lookMs = 500
const absent: readonly string[] = ['COMPOSE_ENGINE_UNREACHABLE', 'EDGE_NOT_RUNNING']

/** How the order's own process gets at the stack. */
export type AccessOf = (project: string, who: string, verb: string) => Promise<Access>

/**
 * The order's own process: carries it out, and writes down what came of it.
 * @param site FOLDER/site
 * @param pid of this process
 */
export async function carryOut(site: string, id: string, pid: number, accessOf: AccessOf): Promise<void> {
  const order = await readOrder(site, id)
  const folder = join(site, 'orders', id)
  // Whoever begins it a second time leaves it to the first.
  if (!(await createStateFile(join(folder, 'pid'), `${pid}`, 0o600))) return
  const end = await change(site, order, pid, accessOf).then(
    (entry): OrderEnd => ({ entry }),
    (cause): OrderEnd => ({ failure: failureOf(cause) })
  )
  await writeStateFile(join(folder, 'result.json'), `${JSON.stringify(end)}\n`, 0o600)
}

async function change(site: string, { project, who, what }: Order, pid: number, accessOf: AccessOf): Promise<Entry> {
  if ('settle' in what) {
    // A process of it that was so slow to start that it was taken for lost leaves it to this one.
    await createStateFile(join(site, 'orders', what.settle, 'pid'), `${pid}`, 0o600)
    return settle(site, what.settle, accessOf)
  }
  const { part, to } = what
  // Until the deploy has ended nobody knows what it goes back to: `prune` comes then.
  const how = { ...what.how, keep: Number.MAX_SAFE_INTEGER }
  if ('image' in to) {
    const access = await accessOf(project, who, `deploy ${part} ${to.image}`)
    return changeStack(access, parties => swap(parties, part, to.image, how))
  }
  if ('back' in to) {
    const access = await accessOf(project, who, `take back ${part} to ${to.back}`)
    return changeStack(access, parties => takeBack(parties, part, to.back, how))
  }
  // What is not known here must not be taken for something else: without a release, a rollback picks one.
  if (!('release' in to))
    throw new EdgeError('SERVER_TOOL_OTHER', `the tool here does not know how to change ${part} so`)
  const access = await accessOf(project, who, `rollback ${part} ${to.release}`)
  return changeStack(access, parties => rollback(parties, part, to.release, how))
}

/**
 * What was left of an order is finished or undone, as any change of the stack does first.
 * @returns the change that serves by it
 * @throws EdgeError DEPLOY_ORDER_LOST when none does
 */
async function settle(site: string, id: string, accessOf: AccessOf): Promise<Entry> {
  const { project, who, what, givenAt } = await readOrder(site, id)
  const access = await accessOf(project, who, 'slots settle')
  const journal = await onceBack(access, () => changeStack(access, ({ records }) => readJournal(records)))
  const part = 'part' in what ? what.part : null
  const own = journal.filter(({ upstream, verb }) => upstream === part && verb !== 'found')
  const last = own.findLast(({ at }) => Date.parse(at) >= givenAt.getTime())
  if (last?.outcome === 'done' || last?.outcome === 'resumed') return last
  const how = last === undefined ? 'nothing had been touched' : 'it was undone'
  throw new EdgeError('DEPLOY_ORDER_LOST', `the process that was to change ${part} was killed; ${how}`)
}

/** A server that was without power answers ssh before its engine and its edge are there again. */
async function onceBack<T>({ signal, say }: Access, work: () => Promise<T>): Promise<T> {
  for (let end = 0; ; await pause(lookMs)) {
    try {
      return await work()
    } catch (cause) {
      const isAway = cause instanceof EdgeError && absent.includes(cause.code)
      if (!isAway || signal.aborted || (end > 0 && Date.now() > end)) throw cause
      if (end === 0) say(`${cause.code}: waiting for it, ${backMs / 1_000} s at most`)
      end ||= Date.now() + backMs
    }
  }
}

function failureOf(cause: unknown): { code: EdgeError['code']; detail: string } {
  if (cause instanceof EdgeError) return { code: cause.code, detail: cause.detail }
  return { code: 'EDGE_INTERNAL', detail: cause instanceof Error ? cause.message : String(cause) }
}
