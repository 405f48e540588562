import { EdgeError } from '../../../proxy/errors.ts'
import type { Begun, DeployLine, Ended } from '../../server/deploy/records.ts'

/** A deploy, as the journals of all servers together have it. */
export interface Deploy extends Begun {
  /** null: it was never finished, or goes on. */
  readonly end: Ended | null
}

/** What an image was built of, where only that is known. */
export const lastBuild = 'the last build'

/** What an image was built of, for people: of a commit as much as names it. */
export function shortSource(from: string): string {
  return isCommit(from) ? from.slice(0, 9) : from
}

/** And not `working tree`, an artifact, or only that it is the last build. */
export function isCommit(from: string): boolean {
  return /^[0-9a-f]{40,}$/.test(from)
}

/** @param journals one per server: what only one of them knows, for the line was cut, counts @returns oldest first */
export function deploysOf(journals: readonly (readonly DeployLine[])[]): Deploy[] {
  const lines = journals.flat()
  const begun = lines.filter(line => line.event === 'begun')
  const ends = new Map(lines.filter(line => line.event !== 'begun').map(line => [line.id, line]))
  const known = new Map(begun.map(line => [line.id, { ...line, end: ends.get(line.id) ?? null }]))
  return [...known.values()].sort((a, b) => a.turn - b.turn)
}

/** @returns null when every deploy has ended */
export function unfinishedOf(deploys: readonly Deploy[]): Deploy | null {
  return deploys.findLast(({ end }) => end === null) ?? null
}

/** @returns the one that serves; null: none does yet */
export function servingOf(deploys: readonly Deploy[]): Deploy | null {
  return deploys.findLast(({ end }) => end?.event === 'done') ?? null
}

/**
 * Begun where only the server knew that was away while others deployed to the other one: finished, it would take their
 * work for old. @throws EdgeError DEPLOY_UNFINISHED
 */
export function refuseOvertaken(left: Deploy, deploys: readonly Deploy[]): void {
  const parts = left.moves.map(({ part }) => part)
  const since = deploys.find(
    ({ turn, end, moves }) =>
      turn > left.turn && end?.event === 'done' && moves.some(({ part }) => parts.includes(part))
  )
  if (since === undefined) return
  const what = `${left.verb} ${left.number} cannot be finished: ${since.verb} ${since.number} of ${since.who} came after it`
  throw new EdgeError('DEPLOY_UNFINISHED', `${what}; undo it: twinedge rollback`)
}

/** @throws EdgeError DEPLOY_UNFINISHED */
export function refuseUnfinished(deploys: readonly Deploy[]): void {
  const left = unfinishedOf(deploys)
  if (left === null) return
  const { verb, number, who, at } = left
  throw new EdgeError('DEPLOY_UNFINISHED', `${verb} ${number}, which ${who} began at ${at}, has not ended`)
}
