import { parseArgs } from 'node:util'
import type { LinkFault, LinkStatus, PeerReport } from '../../proxy/control/protocol.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { ask, placeOptions } from '../control-client.ts'
import { doneThere } from '../laptop/there.ts'
import { nextHere, span, table } from '../terminal.ts'
import { keyAdvice, keyTable } from './key-table.ts'

/** Less than this is a matter of how it is measured. */
const sameClockMs = 1_000

/** @returns 0 while the link is up, else 1 */
export async function status(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...placeOptions, json: { type: 'boolean' } } })
  const there = await doneThere(['link', ...args], values)
  if (there !== null) return there
  const { body } = await ask(values, 'GET', '/link')
  const link = JSON.parse(body) as LinkStatus
  console.log(values.json ? body : describe(link, Date.now()))
  return link.state === 'up' ? 0 : 1
}

function describe(link: LinkStatus, nowMs: number): string {
  const advice = keyAdvice(link.keys, nowMs)
  const paragraphs = [
    [stateLine(link, nowMs), ...faultLines(link.fault, nowMs), ...lineLines(link)].map(printable).join('\n'),
    [keyTable(link.keys, nowMs), ...advice].join('\n'),
    peerParagraph(link, nowMs)
  ]
  return paragraphs.join('\n\n')
}

function stateLine({ state, since, peer }: LinkStatus, nowMs: number): string {
  const words = {
    up: 'up',
    connecting: 'not up yet: it is being tried',
    down: 'DOWN',
    unpaired: 'DOWN: the two servers do not know each other yet'
  }
  return `the link to ${peer} is ${words[state]}; so it is for ${ago(since, nowMs)}`
}

/** What stands in the way, indented below it, and what to do. The detail may be the peer's: any bytes that it likes. */
export function faultLines(fault: LinkFault | null, nowMs: number): string[] {
  if (fault === null) return []
  const [first = '', ...more] = fault.detail.trim().split(/\r?\n/)
  const lines = [`${fault.code} (${ago(fault.at, nowMs)} ago): ${first}`, ...more, `next: ${nextHere(fault.next)}`]
  return lines.map(line => printable(`  ${line}`))
}

function lineLines({ roundTripMs, clockAheadMs, lines }: LinkStatus): string[] {
  const trip = roundTripMs === null ? 'not measured yet' : `${Math.round(roundTripMs)} ms`
  const { spare, wanted, inUse, incoming, resumed } = lines
  return [
    `round trip: ${trip}${clockWords(clockAheadMs)}`,
    `lines: ${inUse} in use, ${spare} ready (${wanted} wanted), ${incoming} from the other server; ${resumed} resumed after a loss`
  ]
}

function clockWords(aheadMs: number | null): string {
  if (aheadMs === null) return ''
  const off = Math.abs(aheadMs)
  if (off < sameClockMs) return '; both clocks say the same'
  return `; the other server's clock is ${span(off)} ${aheadMs > 0 ? 'ahead' : 'behind'}`
}

function peerParagraph({ report, reportedAt }: LinkStatus, nowMs: number): string {
  if (report === null) return 'the other server has told nothing of itself yet'
  const age = reportedAt === null ? '' : `, as it said ${ago(reportedAt, nowMs)} ago`
  const stopping = report.isStopping ? '; it is STOPPING' : ''
  const head = `the other server: twinedge ${report.version} (${report.server})${age}${stopping}`
  const tables = [upstreamTable(report.upstreams), certificateTable(report.certificates, nowMs)]
  return [printable(head), ...tables.filter(text => text !== '')].join('\n')
}

function upstreamTable(upstreams: PeerReport['upstreams']): string {
  const rows = upstreams.map(({ name, isLocal, isUp, saw, build }) => {
    return [name, isLocal ? 'there' : 'elsewhere', isUp ? 'up' : 'DOWN', build ?? '-', saw]
  })
  return rows.length === 0 ? '' : table([['UPSTREAM', 'RUNS', 'HEALTH', 'BUILD', 'LAST PROBE'], ...rows])
}

function certificateTable(certificates: PeerReport['certificates'], nowMs: number): string {
  const rows = certificates.map(({ domains, issuer, expiresAt }) => {
    const leftMs = Date.parse(expiresAt) - nowMs
    return [domains.join(', ') || '(no domain)', leftMs <= 0 ? 'expired' : span(leftMs), issuer]
  })
  return rows.length === 0 ? '' : table([['CERTIFICATE', 'LEFT', 'ISSUER'], ...rows])
}

function ago(at: string, nowMs: number): string {
  return span(Math.max(0, nowMs - Date.parse(at)))
}
