import type { EdgeConfig, UpstreamConfig } from '../../config/config.ts'
import type {
  AssetsStatus,
  CertificateStatus,
  HealthAnswer,
  PeerReport,
  PeerUpstream,
  StatusAnswer,
  UpstreamStatus
} from '../../control/protocol.ts'
import type { Probe } from '../../upstream/health-check.ts'
import { PEER_ORIGIN, type Peer } from '../../upstream/peer.ts'
import { agreedOf } from './agreed.ts'

/** Of what two edges tell each other; another number is another language. */
export const REPORT_PROTOCOL = 1

/** Probes quote what they saw, however long it was. */
const longestSaw = 200

/** What an edge knows of itself, at one moment. */
export interface Facts {
  readonly config: EdgeConfig
  readonly version: string
  /** Milliseconds since 1970. */
  readonly now: number
  readonly isStopping: boolean
  /** Of its own ACME account. */
  readonly thumbprint: string | null
  readonly certificates: readonly CertificateStatus[]
  /** Every slot of every upstream. */
  readonly upstreams: readonly UpstreamStatus[]
  /** Whose builds are kept, and the newest of them. */
  readonly assets: { readonly upstream: string | null; readonly build: string | null }
  /** Whether the other server could serve its upstream of this name, by itself. */
  look(upstream: string): Probe
}

/** A running edge, as far as its report is about it. */
export interface Witness {
  readonly config: EdgeConfig
  readonly keyring: {
    readonly status: readonly CertificateStatus[]
    readonly challenges: { readonly thumbprint: string | null }
  }
  readonly assets: { readonly status: Pick<AssetsStatus, 'upstream' | 'builds'> }
  readonly health: Pick<HealthAnswer, 'status'>
  status(): Pick<StatusAnswer, 'version' | 'upstreams'>
}

const unlinked: Probe = { isGood: false, saw: 'there is no link' }

/** @param now milliseconds since 1970 */
export function factsOf(edge: Witness, peer: Pick<Peer, 'fault' | 'look'> | null, now: number): Facts {
  const { version, upstreams } = edge.status()
  const { upstream, builds } = edge.assets.status
  return {
    config: edge.config,
    version,
    now,
    isStopping: edge.health.status === 'stopping',
    thumbprint: edge.keyring.challenges.thumbprint,
    certificates: edge.keyring.status,
    upstreams,
    assets: { upstream, build: builds[0]?.id ?? null },
    look: name => lookAt(peer, name)
  }
}

/** What the peer told last says nothing once it is not reached any more. */
function lookAt(peer: Pick<Peer, 'fault' | 'look'> | null, upstream: string): Probe {
  if (peer === null) return unlinked
  const { fault } = peer
  return fault === null ? peer.look(upstream) : { isGood: false, saw: fault.detail }
}

type Way = Pick<PeerUpstream, 'isUp' | 'isBorrowed' | 'isChecked' | 'saw'>

/** What an edge tells the other of itself. */
export function reportOf(facts: Facts): PeerReport {
  const { config, version, now, isStopping, thumbprint } = facts
  const routed = new Set(config.routes.map(({ upstream }) => upstream))
  const upstreams = [...config.upstreams.values()].filter(({ name }) => routed.has(name))
  return {
    protocol: REPORT_PROTOCOL,
    version,
    server: config.server,
    now,
    isStopping,
    thumbprint,
    tlsMode: config.tls.mode,
    domains: config.domains,
    certificates: facts.certificates,
    upstreams: upstreams.map(upstream => describe(upstream, facts)),
    agreed: agreedOf(config)
  }
}

function describe(upstream: UpstreamConfig, facts: Facts): PeerUpstream {
  const { name } = upstream
  const { assets } = facts
  const { saw, ...way } = wayTo(upstream, facts)
  const build = assets.upstream === name ? assets.build : null
  return { name, isLocal: !isPeers(upstream), ...way, saw: saw.slice(0, longestSaw), build }
}

function wayTo(upstream: UpstreamConfig, facts: Facts): Way {
  const { name } = upstream
  const active = facts.upstreams.find(status => status.name === name && status.isActive)
  const hold = active?.hold.mode ?? 'open'
  if (hold !== 'open') {
    const saw = `${hold === 'paused' ? 'paused' : 'under maintenance'}, until: twinedge slots resume ${name}`
    return { isUp: false, isBorrowed: false, isChecked: true, saw }
  }
  const own = isPeers(upstream) ? null : wayOf(active, facts.config)
  if (own !== null && (own.isUp || !upstream.hasElse)) return own
  const { isGood, saw } = facts.look(name)
  const both = own === null ? saw : `here: ${own.saw}; on the other server: ${saw}`
  return { isUp: isGood, isBorrowed: true, isChecked: true, saw: both }
}

/** By a way that is not the link. */
function wayOf(active: UpstreamStatus | undefined, config: EdgeConfig): Way {
  const { health = 'unknown', lastProbe = null, origin = '' } = active ?? {}
  const isBorrowed = isAt(origin, config.link?.peer.host)
  if (health === 'unchecked') return { isUp: true, isBorrowed, isChecked: false, saw: 'not checked' }
  // Not probed yet is not known to be up: whoever takes over would find out with users.
  return { isUp: health === 'up', isBorrowed, isChecked: true, saw: lastProbe ?? 'no probe yet' }
}

function isPeers({ slots }: UpstreamConfig): boolean {
  return [...slots.values()].includes(PEER_ORIGIN)
}

/** An address of the other server's own, in plain HTTP. Two edges on one machine have each their own on it. */
function isAt(origin: string, host: string | undefined): boolean {
  if (host === undefined || /^(?:127\.|::1$|localhost$)/.test(host)) return false
  return URL.canParse(origin) && new URL(origin).hostname.replace(/^\[|\]$/g, '') === host
}
