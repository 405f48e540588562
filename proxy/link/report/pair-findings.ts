import type { PeerReport, StandbyFinding } from '../../control/protocol.ts'
import { type FailureCode, failures } from '../../errors.ts'

/** Below this nobody notices; logins and one-time codes bear some 30 s. */
const mostApartMs = 5_000
/** From here on a certificate that was just issued is not valid yet, and tokens are refused. */
const farApartMs = 60_000
/** What of a round trip may be taken for a difference of clocks. */
const mostDoubtMs = 1_000
/** Nobody mends more of them at once, and whoever reads them has no time. */
const mostDifferences = 20

/** Upstreams that each of the two servers has from the other one alone: nobody runs them. */
export function loopsBetween(own: PeerReport, report: PeerReport): string[] {
  const theirs = new Set(report.upstreams.filter(({ isLocal }) => !isLocal).map(({ name }) => name))
  return own.upstreams.filter(({ name, isLocal }) => !isLocal && theirs.has(name)).map(({ name }) => name)
}

/** What the two have to agree on: it stands in the way of either. @param there how the other server is called */
export function* pairFindings(own: PeerReport, report: PeerReport, there: string): Generator<StandbyFinding> {
  yield* releaseFindings(own, report, there)
  for (const name of loopsBetween(own, report)) {
    yield findingOf('LINK_LOOP', `each of the two servers has ${name} from the other one: nobody runs it`)
  }
  yield* buildFindings(own, report, there)
  yield* settingFindings(own, report, there)
}

/** As they were measured last; null: never. */
export interface Clocks {
  /** By how much that of the other server is ahead. */
  readonly clockAheadMs: number | null
  readonly roundTripMs: number | null
}

/** @param there how the other server is called */
export function* clockFindings({ clockAheadMs, roundTripMs }: Clocks, there: string): Generator<StandbyFinding> {
  if (clockAheadMs === null) {
    yield { what: 'how far the two clocks are apart is not known yet', next: 'in a few seconds: twinedge standby' }
    return
  }
  const apartMs = Math.abs(clockAheadMs) - Math.min((roundTripMs ?? 0) / 2, mostDoubtMs)
  if (apartMs <= mostApartMs) return
  const seconds = Math.round(Math.abs(clockAheadMs) / 1000)
  const apart = clockAheadMs > 0 ? `${seconds} s behind` : `${seconds} s ahead of`
  const harm = apartMs > farApartMs ? ': certificates and logins will fail too' : ''
  yield findingOf('LINK_CLOCK', `the clock of this server is ${apart} that of ${there}${harm}`)
}

function* releaseFindings(own: PeerReport, report: PeerReport, there: string): Generator<StandbyFinding> {
  if (report.protocol !== own.protocol) {
    yield findingOf('LINK_VERSION', `the protocol of the link is ${own.protocol} here, ${report.protocol} on ${there}`)
  }
  if (report.version !== own.version) {
    yield findingOf('LINK_VERSION', `twinedge is ${own.version} here, ${report.version} on ${there}`)
  }
}

function* buildFindings(own: PeerReport, report: PeerReport, there: string): Generator<StandbyFinding> {
  for (const { name, isLocal, build } of own.upstreams) {
    const theirs = report.upstreams.find(one => one.name === name)
    if (!isLocal || build === null || theirs === undefined || !theirs.isLocal || theirs.build === null) continue
    if (theirs.build === build) continue
    const what = `${name} is another build: ${build} here, ${theirs.build} on ${there}; pages of one lack files of the other`
    yield { what, next: `on the server that is behind: twinedge swap ${name} IMAGE` }
  }
}

function* settingFindings(own: PeerReport, report: PeerReport, there: string): Generator<StandbyFinding> {
  const [ours, theirs] = [new Map(Object.entries(own.agreed)), new Map(Object.entries(report.agreed))]
  const paths = [...new Set([...ours.keys(), ...theirs.keys()])].filter(path => ours.get(path) !== theirs.get(path))
  for (const path of paths.slice(0, mostDifferences)) {
    const what = `${path}: ${quoted(ours.get(path))} here, ${quoted(theirs.get(path))} on ${there}`
    yield { what, next: remedyOf(path) }
  }
  const more = paths.length - mostDifferences
  if (more > 0) yield { what: `${more} more settings are not the same`, next: remedyOf('') }
}

function quoted(value: string | undefined): string {
  return value === undefined ? 'none' : `"${value}"`
}

function findingOf(code: FailureCode, detail: string): StandbyFinding {
  return { what: `${code}: ${detail}`, next: failures[code].next }
}

/** By the file that the setting is written in. */
function remedyOf(path: string): string {
  if (path !== 'domains') return 'make it the same in the configuration of both, then: twinedge reload'
  return 'make it the same on both: DOMAINS in .env, then: docker compose up -d; or the configuration, then: twinedge reload'
}
