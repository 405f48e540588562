import type { Done } from '../../compose/laptop/deploy/course.ts'
import { type Deploy, deploysOf, shortSource, unfinishedOf } from '../../compose/laptop/site/deploys.ts'
import type { Ended, Holder, SiteRecords } from '../../compose/server/deploy/records.ts'
import { serviceOf } from '../../compose/stack/slots.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { seenReport } from '../stack/report.ts'
import { cutTo, span, table } from '../terminal.ts'
import { hasDied } from './world.ts'

/** What a deploy has come to, for who made it. */
export function doneReport(done: Done): string {
  const { begun, entries, isUndone } = done
  if (isUndone) return undoneReport(begun, entries)
  const parts = entries.map(entry => {
    const { upstream, release, image, slot } = entry
    return `${upstream}: release ${release} (${image}) serves from ${serviceOf(upstream, slot)}\n  ${seenReport(entry)}`
  })
  return [...parts, endReport(done)].join('\n')
}

/** As it was undone by somebody who came later. */
function undoneReport({ verb, number }: Done['begun'], entries: Done['entries']): string {
  const back = entries.map(({ upstream, release }) => `${upstream} serves release ${release} again`)
  return `${verb} ${number} is undone: ${back.join(', ') || 'nothing of it had served'}`
}

function endReport({ begun: { verb, number, before }, entries }: Done): string {
  const tookMs = entries.reduce((sum, entry) => sum + entry.tookMs, 0)
  const took = `the swaps took ${(tookMs / 1_000).toFixed(1)} s`
  const what = number === 0 ? 'what served before the first deploy serves again' : `deploy ${number} serves`
  if (verb === 'rollback') return `${what}; ${took}; forward again: twinedge rollback`
  // On bare servers.
  if (entries.every(entry => !entry.before)) return `${what}; ${took}; it is the first: there is nothing to go back to`
  return `${what}; ${took}; back to ${before === 0 ? 'what served before' : `deploy ${before}`}: twinedge rollback`
}

const whoWidth = 24

/** Every deploy of a site, newest last, and what goes on. */
export function deploysReport(deploys: readonly Deploy[], holder: Holder | null, nowMs: number): string {
  const rows = deploys.map(deploy => {
    const { at, verb, number, before, moves, who, end } = deploy
    const what = verb === 'deploy' ? `deploy ${number}` : `rollback ${before} → ${number}`
    const outcome = end === null ? (holder === null ? 'UNFINISHED' : 'goes on') : endOf(end)
    const took = end === null ? '-' : `${((Date.parse(end.at) - Date.parse(at)) / 1_000).toFixed(1)} s`
    const parts = moves.map(
      ({ part, to }) => `${part} ${'image' in to ? cutTo(to.image, 28) : `release ${to.release}`}`
    )
    const when = `${span(nowMs - Date.parse(at))} ago`
    return [when, what, parts.join(', '), sourceWords(deploy), outcome, end?.code ?? '-', took, cutTo(who, whoWidth)]
  })
  const head = ['WHEN', 'WHAT', 'PARTS', 'BUILT OF', 'OUTCOME', 'WHY', 'TOOK', 'WHO']
  return rows.length === 0 ? 'nothing was deployed here yet' : table([head, ...rows])
}

const sourceWidth = 28

/** `6b522cb01`; `api 6b522cb01, web working tree`, where they differ. */
function sourceWords({ sources = {} }: Deploy): string {
  const all = Object.entries(sources).map(([part, from]): [string, string] => {
    return [part, cutTo(shortSource(from), sourceWidth)]
  })
  const [first] = all
  if (first === undefined) return '-'
  return all.every(([, from]) => from === first[1]) ? first[1] : all.map(one => one.join(' ')).join(', ')
}

function endOf({ event, left = [] }: Ended): string {
  return left.length === 0 ? event : `${event}, without ${left.join(' and ')}`
}

/** What the servers know, together: a laptop that is known to be dead is at nothing. */
export function togetherOf(seen: readonly SiteRecords[]): { deploys: Deploy[]; holder: Holder | null } {
  const holder = seen.map(({ holder }) => holder).find(holder => holder !== null && !hasDied(holder)) ?? null
  return { deploys: deploysOf(seen.map(({ lines }) => lines)), holder }
}

/** What goes on, or stands in the way of the next deploy. */
export function openLines(deploys: readonly Deploy[], holder: Holder | null): string[] {
  if (holder !== null) return [printable(`${holder.who} is at "${holder.verb}" since ${holder.since}: ${holder.step}`)]
  const left = unfinishedOf(deploys)
  if (left === null) return []
  const said = `WARNING: ${left.verb} ${left.number}, which ${left.who} began at ${left.at}, has not ended`
  return [printable(said), '  next: finish it: twinedge deploy --finish; or undo it: twinedge rollback']
}
