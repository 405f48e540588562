import type { LinkFault, PeerReport, StandbyAnswer, StandbyFinding, StandbyVerdict } from '../../control/protocol.ts'
import { type Clocks, clockFindings, pairFindings } from './pair-findings.ts'
import { type Examined, type Side, serverFindings, serverNotes } from './server-findings.ts'

export { loopsBetween } from './pair-findings.ts'

/** Reports come every few seconds: one that is older tells of what was. */
export const STALE_REPORT_MS = 20_000

/** Everything that the verdicts are made of. */
export interface World extends Clocks {
  /** As it would be sent now: by its clock everything is judged. */
  readonly own: PeerReport
  /** What the peer told of itself last; null: nothing yet. */
  readonly report: PeerReport | null
  /** When that came, in ms since 1970. */
  readonly reportedAt: number | null
  /** null: the link is up. */
  readonly linkFault: LinkFault | null
  /** As configured, for a peer that has never told its name. */
  readonly peer: string
}

/** Whether either server could take the whole site over now. */
export function standbyOf(world: World): StandbyAnswer {
  return { verdicts: [verdictOnPeer(world), verdictOnSelf(world)] }
}

/** GO only for a server that is known to be good, now. */
export function verdictOnPeer(world: World): StandbyVerdict {
  const { own, report } = world
  const server = report?.server ?? `the server at ${world.peer}`
  const silence = silenceOf(world)
  if (silence !== null || report === null) {
    const reasons = silence === null ? [] : [silence]
    return { server, isSelf: false, isGo: false, reasons, notes: lastHeard(world), borrowed: [] }
  }
  const { self, peer } = namesOf(world)
  return judge({ report, other: own, besideTlsMode: own.tlsMode, side: peer, beside: self }, world)
}

/** Of this one it is known what it can do alone; what both must agree on counts while the peer is there to be asked. */
export function verdictOnSelf(world: World): StandbyVerdict {
  const heard = silenceOf(world) === null ? world.report : null
  const own = heard === null ? leftAlone(world.own) : world.own
  const { self, peer } = namesOf(world)
  const besideTlsMode = world.report?.tlsMode ?? null
  const verdict = judge({ report: own, other: heard, besideTlsMode, side: self, beside: peer }, world)
  if (heard !== null) return verdict
  const what = `${peer.name} is not heard of: whether the two servers are alike is not known`
  return { ...verdict, notes: [...verdict.notes, { what, next: null }] }
}

function judge(found: Omit<Examined, 'now'>, world: World): StandbyVerdict {
  const { own } = world
  const examined = { ...found, now: own.now }
  const { report, other } = examined
  const isSelf = other !== own
  const peer = isSelf ? other : report
  const { name } = namesOf(world).peer
  const ofBoth = peer === null ? [] : [...pairFindings(own, peer, name), ...clockFindings(world, name)]
  const reasons = [...serverFindings(examined), ...ofBoth]
  const isGo = reasons.length === 0
  const notes = [...serverNotes(examined)]
  return { server: report.server, isSelf, isGo, reasons, notes, borrowed: borrowedBy(examined) }
}

/** Whatever was last known of what comes from the other server, nobody can count on it now. */
function leftAlone(own: PeerReport): PeerReport {
  const upstreams = own.upstreams.map(upstream => {
    const { isUp, isBorrowed, isLocal } = upstream
    if (!isUp || !isBorrowed) return upstream
    const saw = `${isLocal ? 'its own is down, and ' : ''}the other server is not heard of`
    return { ...upstream, isUp: false, saw }
  })
  return { ...own, upstreams }
}

function borrowedBy({ report, side, beside }: Examined): StandbyVerdict['borrowed'] {
  const borrowed = report.upstreams.filter(({ isUp, isBorrowed }) => isUp && isBorrowed)
  return borrowed.map(({ name, isLocal }) => {
    const own = isLocal ? `that of ${side.name} is down` : `${side.name} has none of its own`
    const next = side.at(isLocal ? 'twinedge status' : `give upstreams.${name} slots of its own, and else: peer`)
    return { upstream: name, what: `${name} comes from ${beside.name}: ${own}`, next }
  })
}

/** Why nothing that the peer has told counts; null: it does. */
function silenceOf({ own, report, reportedAt, linkFault }: World): StandbyFinding | null {
  if (linkFault !== null) {
    const { code, detail, next } = linkFault
    return { what: `it is not reached: ${code}: ${detail}`, next }
  }
  const next = 'in a few seconds: twinedge standby; then: twinedge link'
  if (report === null || reportedAt === null) return { what: 'it has not told of itself yet', next }
  const ageMs = Math.abs(own.now - reportedAt)
  if (ageMs <= STALE_REPORT_MS) return null
  return { what: `it has not told of itself for ${Math.round(ageMs / 1000)} s`, next }
}

function lastHeard({ report, reportedAt }: World): StandbyFinding[] {
  if (report === null || reportedAt === null) return []
  return [{ what: `it was heard of last on ${new Date(reportedAt).toISOString()}`, next: null }]
}

/** How whoever asks, on this server, calls the two. */
function namesOf({ own, report }: World): Record<'self' | 'peer', Side> {
  const name = report === null || report.server === own.server ? 'the other server' : report.server
  return {
    self: { name: 'this server', at: command => `here: ${command}` },
    peer: { name, at: command => `on ${name}: ${command}` }
  }
}
