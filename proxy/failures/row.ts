/** Whose doing a failure is: decides the level of its log line. */
export type Side = 'client' | 'upstream' | 'edge' | 'operator'

/** One failure: `status` for the client (0: it gets no answer), `side` for the log, `next` for the operator. */
export interface FailureRow {
  readonly status: number
  readonly side: Side
  readonly next: string
}
