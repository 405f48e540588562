import type { MeasureRequest, PairRequest } from '../link-protocol.ts'
import { fieldsOf, isText, refusal } from '../requests.ts'
import { wholeIn } from '../slot-requests.ts'

/** The edge has them in memory at once. */
const MOST_BYTES = 33_554_432
const LONGEST_MS = 600_000

/** @throws EdgeError EDGE_USAGE with what was expected; whether it is a fingerprint is for the edge to say */
export function readPairRequest(body: unknown): PairRequest {
  const { fingerprint, forget } = fieldsOf('the body', body, ['fingerprint', 'forget'])
  if (!isText(fingerprint)) throw refusal('fingerprint is that of a key')
  if (typeof forget !== 'boolean') throw refusal('forget is true or false')
  return { fingerprint, forget }
}

/** @throws EdgeError EDGE_USAGE with what was expected */
export function readMeasureRequest(body: unknown): MeasureRequest {
  const { bytes, longestMs } = fieldsOf('the body', body, ['bytes', 'longestMs'])
  return {
    bytes: wholeIn('bytes', bytes, [1, MOST_BYTES]),
    longestMs: wholeIn('longestMs', longestMs, [1, LONGEST_MS])
  }
}
