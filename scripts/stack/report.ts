import type { Entry, Report } from '../../compose/record/journal.ts'
import { serviceOf } from '../../compose/stack/slots.ts'
import { cutTo, laptopsName, span, table } from '../terminal.ts'

const restarted =
  'the edge restarted meanwhile: streams that outlasted its grace time were cut, and what users saw was not counted'

/** What a change came to, for who made it. */
export function changeReport({ upstream, release, image, slot, before, tookMs, report }: Entry): string {
  // On a laptop a rollback is one of deploys.
  const isFirst = before === null || before === 0 || laptopsName() !== null
  const back = isFirst ? '' : `; back to release ${before}: twinedge rollback ${upstream}`
  const done = `${upstream}: release ${release} (${image}) serves from ${serviceOf(upstream, slot)}${back}`
  return `${done}\n${seenReport({ report, tookMs })}`
}

/** What users saw of it. */
export function seenReport({ report, tookMs }: Pick<Entry, 'report' | 'tookMs'>): string {
  return `${report === null ? restarted : figures(report)}; ${(tookMs / 1_000).toFixed(1)} s in all`
}

function figures({ requests, failed, carried, cut, longestMs }: Report): string {
  if (requests + carried.requests + carried.streams + carried.webSockets + cut === 0) return 'nobody came meanwhile'
  return [
    `${requests} requests meanwhile, ${failed} failed`,
    `carried to their end: ${carried.requests} requests, ${carried.streams} streams, ${carried.webSockets} WebSockets`,
    `cut: ${cut}`,
    `longest time to a first byte: ${Math.round(longestMs)} ms`
  ].join('; ')
}

/** So that a line fits on 120 columns; --json has all of it. */
const widths = { image: 24, who: 16 }

export function historyTable(journal: readonly Entry[], nowMs: number): string {
  const rows = journal.map(entry => {
    const { at, verb, upstream, outcome, image, tookMs, who } = entry
    const [when, took] = [`${span(nowMs - Date.parse(at))} ago`, `${(tookMs / 1_000).toFixed(1)} s`]
    const what = [releaseWords(entry), outcome, cutTo(image, widths.image)]
    return [when, `${verb} ${upstream}`, ...what, took, seenOf(entry), cutTo(who, widths.who)]
  })
  return table([['WHEN', 'CHANGE', 'RELEASE', 'OUTCOME', 'IMAGE', 'TOOK', 'WHAT USERS SAW', 'WHO'], ...rows])
}

/** @returns `2 → 3`; `2, not 3` for what never served; `3` for the first */
export function releaseWords({ verb, outcome, before, release }: Entry): string {
  // A restart's number was its own before.
  const isFirst = before === null || before === 0 || verb === 'restart'
  if (outcome === 'done' || outcome === 'resumed') return isFirst ? `${release}` : `${before} → ${release}`
  return isFirst ? `not ${release}` : `${before}, not ${release}`
}

/** Of what failed, users saw nothing: why it failed stands there instead. */
function seenOf({ verb, code, outcome, report }: Entry): string {
  if (code !== null) return code
  if (report !== null) return `${report.failed} of ${report.requests} failed, ${report.cut} cut`
  return verb === 'found' || outcome === 'undone' ? '-' : 'not counted'
}
