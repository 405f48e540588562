import type { FailureCode } from '../../../proxy/errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { ServerPlan, Site } from '../plan/site.ts'
import type { BareHold } from '../site/bare-hold.ts'
import type { Ssh } from '../ssh/ssh.ts'

/** One thing that is done to a server; all of them together are what `--dry-run` prints. */
export type Action = Run | Write | Deed

/** A command there, as root. */
export interface Run {
  readonly run: readonly string[]
  /** What it gets on stdin; never printed. */
  readonly input?: string
  /** What to print instead of a command that is long and tells nothing. */
  readonly says?: string
  /** What an exit code of its own stands for; any other one is SERVER_STEP_FAILED. */
  readonly codes?: Readonly<Record<number, FailureCode>>
}

/** A file there, whole or not at all. */
export interface Write {
  readonly write: string
  readonly text: string
  readonly mode: number
  /** What stands there now; null: nothing. */
  readonly before: string | null
  /** Its values are nobody's business: only the names before `=` are printed. */
  readonly isSecret?: boolean
}

/** What takes more than a command: sending something, for one. */
export interface Deed {
  readonly says: string
  act(): Promise<void>
}

export interface Plan {
  readonly actions: readonly Action[]
  /** What brings back what was there, should one of the actions fail. */
  readonly undo?: readonly Action[]
  /** What the operator should know, and nobody does for them. */
  readonly notes?: readonly string[]
}

/** A part of the way from a bare server to one that serves. */
export interface Step {
  readonly name: string
  /**
   * What remains to be done, going by what is there: no actions, and it is done already. Changes nothing.
   * @throws EdgeError for what stands in the way
   */
  plan(work: Work): Promise<Plan>
  /** What is left behind when it fails half-way, in one sentence. */
  readonly remains: string
}

/** What the operator has said. */
export interface Orders {
  readonly dryRun: boolean
  /** Whether an nginx that has the ports may be stopped. */
  readonly takeOver: boolean
  readonly enableFirewall: boolean
  /** Where Docker's own packages come from, with no slash at the end. */
  readonly repository: string | null
}

/** One server on its way. */
export interface Work {
  readonly site: Site
  readonly server: ServerPlan
  readonly ssh: Ssh
  /** Nobody else changes anything there meanwhile. */
  readonly hold: BareHold
  readonly orders: Orders
  /** As it was found last. */
  readonly facts: Facts
  /** This server's `.env` as the laptop has it. */
  readonly env: string
  readonly edge: EdgeBuild
  readonly now: () => Date
  say(line: string): void
}

/** The edge's image, and how it gets to a server. */
export interface EdgeBuild {
  /** SHA-256 of what it and the tool are made of, in hex. */
  readonly hash: string
  /** The tool's files, each with its own SHA-256. */
  readonly manifest: string
  /** The tool as one file: the same for every server. */
  pack(): Promise<Buffer>
  /** Builds what is not built yet, sends what is not there yet. */
  deliver(work: Work): Promise<void>
  /** Removes what was packed here. */
  close(): Promise<void>
}
