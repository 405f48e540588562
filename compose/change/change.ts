import type { SlotEnvironment } from '../container/slot-environment.ts'
import type { Edge } from '../edge-client.ts'
import type { Engine } from '../engine.ts'
import type { Lock } from '../record/lock.ts'
import type { DockerCommand } from '../stack/command.ts'
import type { SlotName } from '../stack/slots.ts'
import type { Stack } from '../stack/stack.ts'

/** One slot taking over from the other: all that whoever finishes or undoes it has to know. */
export interface Change {
  /** `take-back`: a rollback from a release that was no good. */
  readonly verb: 'swap' | 'rollback' | 'restart' | 'take-back'
  readonly upstream: string
  readonly from: SlotName
  readonly to: SlotName
  readonly release: number
  /** The release that serves until then; of a restart, the one that had before it. */
  readonly before: number
  /** As the operator named it. */
  readonly image: string
  readonly imageId: string
  /** The name that the candidate is made from, which nobody builds or pulls over. */
  readonly tag: string
  readonly how: Manner
  readonly beganAt: string
  readonly who: string
}

/** What the operator may choose. */
export interface Manner {
  /** Requests wait at the edge while one slot stops and the other starts: for what must not run twice. */
  readonly isHeld: boolean
  /** How long a candidate may take to become healthy, and how long the old slot may drain. */
  readonly withinMs: number
  readonly drainMs: number
  /** Releases whose images stay. */
  readonly keep: number
  /** Run in the new container once it serves; null: nothing. */
  readonly handOver: string | null
}

/** Whom a change deals with. */
export interface Parties {
  readonly engine: Engine
  readonly edge: Edge
  readonly docker: DockerCommand
  readonly stack: Stack
  readonly lock: Lock
  /** Where the journal and what is pending lie. */
  readonly records: string
  readonly who: string
  /** Of the candidate that this command makes, until the hand-over; not in Change, which is written down. */
  readonly candidateEnv: SlotEnvironment
  /** Text of /proc/meminfo. */
  readonly meminfo: () => Promise<string>
  readonly now: () => Date
  readonly pause: (ms: number) => Promise<void>
  /** Tells the operator how it goes. */
  readonly say: (line: string) => void
  /** The operator wants it stopped: heeded until the flip. */
  readonly signal: AbortSignal
}

/** Throws EdgeError: what it meant to do has not been done, or only in part. */
export type Step = (parties: Parties, change: Change) => Promise<void>
