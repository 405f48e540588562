import type { PeerReport, PeerUpstream, StandbyFinding } from '../../control/protocol.ts'

const dayMs = 86_400_000

/** A server, for who reads of it. */
export interface Side {
  readonly name: string
  /** The command, with where it is to be run. */
  at(command: string): string
}

/** What is to be found out about one server. */
export interface Examined {
  readonly report: PeerReport
  /** Of the server beside it; null: nobody knows what that is like now. */
  readonly other: PeerReport | null
  /** Of that server, or what it was when it was heard of last; null: it never was. */
  readonly besideTlsMode: string | null
  /** Milliseconds since 1970, by the clock of whoever examines. */
  readonly now: number
  readonly side: Side
  /** The other one. */
  readonly beside: Side
}

/** What a server needs for itself, whatever the other one is like. */
export function* serverFindings(examined: Examined): Generator<StandbyFinding> {
  const { report, other, side } = examined
  if (report.isStopping) yield { what: 'its edge is stopping', next: side.at('docker compose up -d') }
  yield* certificateFindings(examined)
  for (const upstream of report.upstreams) if (!upstream.isUp) yield downFinding(upstream, examined)
  const known = new Set(report.upstreams.map(({ name }) => name))
  for (const { name } of other?.upstreams ?? []) {
    if (!known.has(name)) yield { what: `no route leads to ${name}`, next: side.at('twinedge check') }
  }
}

export function* serverNotes(examined: Examined): Generator<StandbyFinding> {
  const { report, side } = examined
  if (isForTrial(examined)) {
    yield {
      what: 'its certificates are those of a local authority, which no browser knows: for trying out',
      next: null
    }
  }
  for (const { name, isChecked } of report.upstreams) {
    if (isChecked) continue
    const what = `nobody knows whether ${name} is up: it has no health check`
    yield { what, next: side.at(`set upstreams.${name}.health, then: twinedge reload`) }
  }
}

function* certificateFindings(examined: Examined): Generator<StandbyFinding> {
  const { report, other, now, side } = examined
  const next = side.at(report.tlsMode === 'acme' ? 'twinedge certs' : 'twinedge check')
  // Those of the other server are to be served here, too.
  for (const domain of new Set([...report.domains, ...(other?.domains ?? [])])) {
    const found = report.certificates.find(({ domains }) => domains.includes(domain))
    if (found === undefined) {
      yield { what: `${domain} has no certificate`, next }
      continue
    }
    const { isLocal, beginsAt, expiresAt } = found
    if (isLocal && !isForTrial(examined)) {
      const what = `${domain} has a certificate of a local authority, which no browser knows`
      yield { what, next: report.tlsMode === 'local' ? side.at('set tls.mode, then: twinedge reload') : next }
    }
    if (!(Date.parse(beginsAt) <= now)) yield { what: `the certificate of ${domain} begins on ${beginsAt}`, next }
    const leftMs = Date.parse(expiresAt) - now
    if (!(leftMs > 0)) yield { what: `the certificate of ${domain} ended on ${expiresAt}`, next }
    else if (leftMs < dayMs) yield { what: `the certificate of ${domain} ends within a day, on ${expiresAt}`, next }
  }
}

/** Both servers are meant to be like that; of one that was never heard of, nobody knows. */
function isForTrial({ report, besideTlsMode }: Examined): boolean {
  return report.tlsMode === 'local' && besideTlsMode === 'local'
}

function downFinding({ name, saw, isLocal, isBorrowed }: PeerUpstream, { side, beside }: Examined): StandbyFinding {
  if (isBorrowed && !isLocal) {
    return {
      what: `${name}, which comes from ${beside.name} alone, is down: ${saw}`,
      next: beside.at('twinedge status')
    }
  }
  return { what: `${name} is down: ${saw}`, next: side.at('twinedge status') }
}
