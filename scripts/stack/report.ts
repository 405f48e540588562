import type { Entry, Report } from '../../compose/record/journal.ts'
import { serviceOf } from '../../compose/stack/slots.ts'
import { span, table } from '../terminal.ts'

/** What a change came to, for who made it. */
export function changeReport({ upstream, release, image, slot, before, tookMs, report }: Entry): string {
  const back = before === null || before === 0 ? '' : `; back to release ${before}: twinedge rollback ${upstream}`
  const done = `${upstream}: release ${release} (${image}) serves from ${serviceOf(upstream, slot)}${back}`
  const seen = report === null ? 'the edge restarted meanwhile: what users saw was not counted' : figures(report)
  return `${done}\n${seen}; ${(tookMs / 1_000).toFixed(1)} s in all`
}

function figures({ requests, failed, carried, cut, longestMs }: Report): string {
  return [
    `${requests} requests meanwhile, ${failed} failed`,
    `carried to their end: ${carried.requests} requests, ${carried.streams} streams, ${carried.webSockets} WebSockets`,
    `cut: ${cut}`,
    `longest time to a first byte: ${Math.round(longestMs)} ms`
  ].join('; ')
}

export function historyTable(journal: readonly Entry[], nowMs: number): string {
  const rows = journal.map(
    ({ at, verb, upstream, outcome, code, release, slot, image, imageId, tookMs, who, report }) => {
      const how = code === null ? outcome : `${outcome}: ${code}`
      const seen = report === null ? '-' : `${report.failed} of ${report.requests}, ${report.cut} cut`
      const [took, id] = [`${(tookMs / 1_000).toFixed(1)} s`, imageId.replace('sha256:', '').slice(0, 12)]
      const when = `${span(nowMs - Date.parse(at))} ago`
      return [when, verb, upstream, `${release}`, how, slot, image, id, took, seen, who]
    }
  )
  const head = ['WHEN', 'VERB', 'UPSTREAM', 'RELEASE', 'OUTCOME', 'SLOT', 'IMAGE', 'ID', 'TOOK', 'FAILED', 'WHO']
  return table([head, ...rows])
}
