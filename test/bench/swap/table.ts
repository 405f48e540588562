import type { Figures } from '../../doubles/crowd/ledger.ts'
import { figure } from '../report.ts'

export const columns = [
  ...['', 'seconds', 'requests', 'failed', 'carried', 'streams', 'cut', 'events', 'lost', 'repeated'],
  ...['old chunks', '404', 'p99 ms', 'longest ms', 'outage s']
]

export interface Row {
  readonly name: string
  readonly seconds: number
  /** Streams that the slot which no longer serves brought to their end, as the edge counts them; NaN: none was left. */
  readonly carried: number
  readonly figures: Figures
}

export function cells({ name, seconds, carried, figures }: Row): string[] {
  const { streams, events, requests, failed, oldChunks, lostChunks, p99Ms, longestMs, outageMs } = figures
  const done = [figure(seconds, 1), requests, failed, figure(carried), streams.ended, streams.cut]
  const seen = [events.got, events.lost, events.repeated, oldChunks, lostChunks, figure(p99Ms), figure(longestMs)]
  const outage = Math.max(outageMs.web, outageMs.api)
  return [name, ...[...done, ...seen].map(String), figure(outage / 1_000, 1)]
}

/** What else there is to say of a span of time. */
export function remarks({ failures, unasked, uploads, sockets, sessionsEnded, busy }: Figures): string {
  const ways = Object.entries(failures).map(([way, count]) => `\n    ${count} × ${way}`)
  return (
    `uploads ${uploads.done}, ${uploads.failed} failed; WebSockets ${sockets.echoes} echoes, ` +
    `${sockets.moved} moved on 1012, ${sockets.failed} failed; HTTP/2 connections ended by the edge ${sessionsEnded}; ` +
    (unasked > 0 ? `${unasked} requests too many for this machine were not sent; ` : '') +
    `the crowd's process was busy for ${figure(busy * 100)} % of the time${ways.join('')}`
  )
}
