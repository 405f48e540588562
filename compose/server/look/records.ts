import type { StatusAnswer } from '../../../proxy/control/protocol.ts'
import type { FailureCode } from '../../../proxy/errors.ts'
import type { Container } from '../../container/container.ts'
import type { EnvironmentFault } from '../../env/environment.ts'
import type { StackStatus } from '../../status/stack-status.ts'

/** A failure that is part of an answer, and not its end. */
export interface Failed {
  readonly code: FailureCode
  readonly detail: string
  readonly next: string
}

/** A server's stack and its edge, of which one may be there without the other. */
export interface Looked {
  readonly edge: StatusAnswer | null
  readonly stack: StackStatus | null
  /** Why there is no `edge`, or no `stack`. */
  readonly failure: Failed | null
}

/** What only a closer look shows, for `twinedge doctor` and `twinedge check`. */
export interface Examination {
  readonly containers: readonly Seen[]
  /** What the edge has answered lately; null: it does not run, or its log cannot be read. */
  readonly requests: readonly RequestsSeen[] | null
  /** The last traceback in the log of the API that serves; none: there is none. */
  readonly traceback: readonly string[]
  readonly environment: EnvironmentSeen
  /** What the kernel has killed for want of memory within a day, in its own words. */
  readonly kills: readonly string[]
  /** What systemd's journal takes, bytes; null: nobody says. */
  readonly journalBytes: number | null
}

/** One container of the stack. */
export interface Seen
  extends Pick<
    Container,
    'service' | 'state' | 'health' | 'lastCheck' | 'exitCode' | 'isOutOfMemory' | 'restarts' | 'startedAt'
  > {
  /** Of one that is not as it should be; else none. */
  readonly lastLines: readonly string[]
}

/** Of the last minutes, by upstream. */
export interface RequestsSeen {
  readonly upstream: string
  readonly requests: number
  /** 5xx, whoever said it. */
  readonly failed: number
  /** By code of ours, or by status where the app itself said so. */
  readonly causes: Readonly<Record<string, number>>
  /** The last that failed: method and path. */
  readonly last: string | null
  /** How long that is over, ms; null: none failed. */
  readonly lastAgoMs: number | null
}

/** A `.env`, of which nothing secret leaves the machine where it lies. */
export interface EnvironmentSeen {
  readonly isThere: boolean
  readonly faults: readonly EnvironmentFault[]
  /** What may be shown. */
  readonly values: Readonly<Record<string, string>>
  /** Of all else: same or different is all that can be told from it, and only by who has the salt. */
  readonly marks: Readonly<Record<string, string>>
}
