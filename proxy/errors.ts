import { certificateFailures } from './failures/certificates.ts'
import { laptopFailures } from './failures/laptop/laptop.ts'
import { linkFailures } from './failures/link.ts'
import { operationFailures } from './failures/operations.ts'
import { requestFailures } from './failures/requests.ts'
import type { FailureRow, Side } from './failures/row.ts'
import { stackFailures } from './failures/stacks.ts'

export type { Side } from './failures/row.ts'

/** Every failure there is, by its code. */
export const failures = {
  ...requestFailures,
  ...operationFailures,
  ...certificateFailures,
  ...linkFailures,
  ...stackFailures,
  ...laptopFailures
} as const satisfies Record<string, FailureRow>

export type FailureCode = keyof typeof failures

/** Every failure that the edge knows. `detail` is for the log and the operator: a client sees code and request id only. */
export class EdgeError extends Error {
  readonly code: FailureCode
  readonly detail: string

  constructor(code: FailureCode, detail: string, cause?: unknown) {
    super(`${code}: ${detail}`, cause === undefined ? undefined : { cause })
    this.name = 'EdgeError'
    this.code = code
    this.detail = detail
  }

  get status(): number {
    return failures[this.code].status
  }

  get side(): Side {
    return failures[this.code].side
  }

  get next(): string {
    return failures[this.code].next
  }
}
