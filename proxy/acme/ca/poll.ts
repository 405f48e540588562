import { setTimeout as pause } from 'node:timers/promises'
import { retryAfterMs } from './problem.ts'

const firstMs = 500
const slowestMs = 5_000
/** What an authority asks for beyond this is not waited for: whoever asks us has a deadline. */
const longestAskedMs = 30_000
/** Far beyond any deadline at these pauses: only so that nothing turns for ever. */
const most = 500

/**
 * Looks until what is seen is decided.
 * @param wait what the authority said last of when to look again (Retry-After)
 */
export async function poll<T>(
  look: () => Promise<T>,
  isDecided: (seen: T) => boolean,
  wait: () => string | null
): Promise<T> {
  for (let tries = 0; tries < most; tries++) {
    const growingMs = Math.min(firstMs * 1.5 ** tries, slowestMs)
    // Zero, or a date that our clock has passed, is no leave to ask without a pause.
    await pause(Math.min(Math.max(retryAfterMs(wait(), new Date()) ?? 0, growingMs), longestAskedMs))
    const seen = await look()
    if (isDecided(seen)) return seen
  }
  throw new Error(`undecided after ${most} looks`)
}
