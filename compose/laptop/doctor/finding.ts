import type { ServerName } from '../plan/site.ts'
import type { Evidence, ServerEvidence } from './evidence.ts'

/** `fault`: users notice, or will; `warning`: they may, one day. */
export type Severity = 'fault' | 'warning'

/** What is wrong, without where: the check that found it knows. */
export interface Told {
  readonly what: string
  /** How that was seen. */
  readonly seen: string
  /** The command that mends it, or the next step where no command does. */
  readonly mend: string
  /** Another one than the check's own. */
  readonly severity?: Severity
}

export interface Finding extends Told {
  readonly id: string
  readonly severity: Severity
  /** null: of the site as a whole. */
  readonly server: ServerName | null
}

/** One question to what was gathered. Pure. */
export interface Check<E> {
  readonly id: string
  /** What is so when nothing is found. */
  readonly about: string
  readonly severity: Severity
  /** @returns none: it is fine; null: it cannot be told, or does not apply */
  look(evidence: E, all: Evidence): readonly Told[] | null
}

export type ServerCheck = Check<ServerEvidence>
export type SiteCheck = Check<Evidence>

export interface Verdict {
  /** Faults first. */
  readonly findings: readonly Finding[]
  readonly fine: readonly Fine[]
  /** What could not be told, or does not apply. */
  readonly untold: readonly Fine[]
}

export interface Fine {
  readonly id: string
  readonly server: ServerName | null
  readonly about: string
}

export function judge(evidence: Evidence, ofServers: readonly ServerCheck[], ofSite: readonly SiteCheck[]): Verdict {
  const asked = [
    ...ofServers.flatMap(check =>
      evidence.servers.map(one => outcome(check, one.plan.name, check.look(one, evidence)))
    ),
    ...ofSite.map(check => outcome(check, null, check.look(evidence, evidence)))
  ]
  const rank = ({ severity }: Finding): number => (severity === 'fault' ? 0 : 1)
  return {
    findings: asked.flatMap(({ found }) => found ?? []).sort((a, b) => rank(a) - rank(b)),
    fine: asked.filter(({ found }) => found?.length === 0).map(({ about }) => about),
    untold: asked.filter(({ found }) => found === null).map(({ about }) => about)
  }
}

function outcome({ id, about, severity }: Check<never>, server: ServerName | null, told: readonly Told[] | null) {
  const found = told?.map((one): Finding => ({ id, severity, ...one, server })) ?? null
  return { found, about: { id, server, about } }
}
