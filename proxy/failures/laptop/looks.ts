import type { FailureRow } from '../row.ts'

/** What commands that look at servers end with. */
export const lookFailures = {
  LOOK_NO_CONTAINER: {
    status: 0,
    side: 'operator',
    next: 'twinedge status has what runs; twinedge doctor has the mend'
  },
  LOOK_FAILED: { status: 0, side: 'operator', next: 'mend what it says; or: twinedge doctor' }
} as const satisfies Record<string, FailureRow>
