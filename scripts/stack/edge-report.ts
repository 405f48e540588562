import type { CertificateStatus, StatusAnswer, UpstreamStatus } from '../../proxy/control/protocol.ts'
import { span, table } from '../terminal.ts'

/** Enough of a body to tell one page from another. */
const probeWidth = 40

/** The edge's half of `twinedge status`. */
export function edgeReport(status: StatusAnswer, nowMs: number): string {
  const ago = (iso: string): string => span(nowMs - Date.parse(iso))
  return [
    `twinedge ${status.version} (${status.server}), process ${status.pid}, up ${ago(status.startedAt)}`,
    `config ${status.configFile ?? 'embedded defaults'}, loaded ${ago(status.configLoadedAt)} ago; log ${status.logLevel}`,
    `${status.connections} connections, ${status.inFlight} requests in flight`,
    ...linkLine(status.link),
    '',
    upstreamTable(status.upstreams),
    '',
    certificateTable(status.certificates, nowMs)
  ].join('\n')
}

function linkLine(link: StatusAnswer['link']): string[] {
  if (link === null) return []
  const { state, peer, fault, roundTripMs, lines } = link
  if (state !== 'up')
    return [`the link to ${peer} is ${state}${fault === null ? '' : `: ${fault.code}`}: twinedge link`]
  const trip = roundTripMs === null ? '' : `, ${Math.round(roundTripMs)} ms away`
  return [`the link to ${peer} is up${trip}, ${lines.inUse} lines in use`]
}

function upstreamTable(upstreams: readonly UpstreamStatus[]): string {
  const head = ['UPSTREAM', 'SLOT', 'HEALTH', 'IN FLIGHT', 'CONNECTIONS', 'ORIGIN', 'LAST PROBE']
  const rows = upstreams.map(({ name, slot, isActive, health, inFlight, connections, origin, lastProbe }) => {
    const place = isActive ? `${slot} (active)` : slot
    return [name, place, health, `${inFlight}`, `${connections}`, origin, (lastProbe ?? '-').slice(0, probeWidth)]
  })
  return table([head, ...rows])
}

function certificateTable(certificates: readonly CertificateStatus[], nowMs: number): string {
  const rows = certificates.map(({ domains, issuer, expiresAt }) => {
    const days = Math.floor((Date.parse(expiresAt) - nowMs) / 86_400_000)
    return [domains.join(', ') || '(no domain)', days < 0 ? 'expired' : `${days}`, issuer]
  })
  return table([['CERTIFICATE', 'DAYS LEFT', 'ISSUER'], ...rows])
}
