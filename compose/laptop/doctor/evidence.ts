import type { LinkMeasure, StatusAnswer } from '../../../proxy/control/protocol.ts'
import type { SiteRecords } from '../../server/deploy/records.ts'
import type { Examination, Failed, Looked } from '../../server/look/records.ts'
import type { StackStatus } from '../../status/stack-status.ts'
import type { Facts } from '../facts/facts.ts'
import type { ServerPlan, Site } from '../plan/site.ts'

/** All that was gathered of a site: what is made of it, findings say. */
export interface Evidence {
  readonly site: Site
  /** Those that were looked at. */
  readonly servers: readonly ServerEvidence[]
  readonly names: readonly NameEvidence[]
  readonly laptop: LaptopEvidence
  readonly nowMs: number
}

export interface ServerEvidence {
  readonly plan: ServerPlan
  /** Why ssh has not got there. */
  readonly unreachable: Failed | null
  readonly facts: Facts | null
  readonly tool: ToolEvidence | null
  /** Why the tool there does not answer, where ssh does. */
  readonly toolFailure: Failed | null
  readonly outside: OutsideEvidence
}

/** What the tool there has said; each part may have failed by itself. */
export interface ToolEvidence {
  readonly version: string
  readonly looked: Looked
  readonly examined: Examination | null
  readonly examineFailure: Failed | null
  /** What it knows of the laptops' doings; null: it could not be asked. */
  readonly records: SiteRecords | null
  /** null: there is no link, or it was not asked; see the edge's status for why. */
  readonly line: LinkMeasure | null
}

/** From the laptop, at the address of deploy.yaml. */
export interface OutsideEvidence {
  readonly httpPort: number
  readonly httpsPort: number
  readonly linkPort: number
  readonly ports: readonly PortEvidence[]
  /** By domain. */
  readonly handshakes: readonly HandshakeEvidence[]
  /** Of the first domain, by path. */
  readonly pages: readonly PageEvidence[]
}

export interface PortEvidence {
  readonly port: number
  /** `silent`: dropped on the way, most likely by a firewall. */
  readonly is: 'open' | 'closed' | 'silent'
}

export interface HandshakeEvidence {
  readonly domain: string
  /** Why there was no TLS at all; null: there was. */
  readonly refused: string | null
  /** Why a browser would refuse the certificate; null: it would not. */
  readonly distrust: string | null
  readonly issuer: string
}

export interface PageEvidence {
  readonly path: string
  /** null: no answer. */
  readonly status: number | null
  /** Its code of ours, or why there was none. */
  readonly said: string
}

/** One of the domains, as this laptop's resolver has it. */
export interface NameEvidence {
  readonly domain: string
  readonly addresses: readonly string[]
  /** The longest of them, seconds; null: there are none. */
  readonly ttl: number | null
  /** Why it could not be asked; null: it could. */
  readonly failure: string | null
}

export interface LaptopEvidence {
  readonly version: string
  /** What a server's FOLDER/tool should lead to: `tool-0123456789ab`. */
  readonly tool: string
  /** SHA-256 in hex of this project's compose files, by name. */
  readonly files: Readonly<Record<string, string>>
}

export function edgeOf({ tool }: ServerEvidence): StatusAnswer | null {
  return tool?.looked.edge ?? null
}

export function stackOf({ tool }: ServerEvidence): StackStatus | null {
  return tool?.looked.stack ?? null
}
