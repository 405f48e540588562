/** When a certificate is renewed, and when a failed order is tried again. Pure: the clock and chance are arguments. */

const minuteMs = 60_000
const dayMs = 86_400_000
/** After the first, second and third failure; then daily (the pauses that Let's Encrypt's integration guide advises). */
const pausesMs = [minuteMs, 10 * minuteMs, 100 * minuteMs]
const jitter = 0.1
/** A certificate for less than this has half its life left when it is renewed, not a third. */
const shortLifeMs = 10 * dayMs

export interface Lifetime {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** What the authority advises: a window, in ISO times (RFC 9773 §4.2). */
export interface Window {
  readonly start: string
  readonly end: string
}

/** Without advice: at a third of the life left, at half for a short one. */
export function dueByAge({ notBefore, notAfter }: Lifetime): Date {
  const lifeMs = notAfter.getTime() - notBefore.getTime()
  return new Date(notAfter.getTime() - lifeMs / (lifeMs < shortLifeMs ? 2 : 3))
}

/**
 * A moment of the window, chosen by chance so that not everybody comes at once (RFC 9773 §4.2), but never within its
 * first day, and never so late that a failure could not be mended.
 * @param chance from 0 to 1, the same at every call for one certificate
 */
export function dueByAdvice({ start, end }: Window, { notBefore, notAfter }: Lifetime, chance: number): Date {
  const chosenMs = Date.parse(start) + chance * (Date.parse(end) - Date.parse(start))
  const tenthMs = (notAfter.getTime() - notBefore.getTime()) / 10
  // An authority that says "now" of every certificate would be asked for another one for ever.
  const earliestMs = notBefore.getTime() + Math.min(tenthMs, dayMs)
  return new Date(Math.min(Math.max(chosenMs, earliestMs), notAfter.getTime() - tenthMs))
}

/**
 * @param failures in a row, this one counted
 * @param notBefore what the authority asked for (Retry-After); null: nothing
 * @param random from 0 to 1
 */
export function retryAfter(failures: number, now: Date, notBefore: Date | null, random: number): Date {
  const pauseMs = pausesMs[failures - 1] ?? dayMs
  // Later only: what the authority asked for, and the pause itself, are the least.
  const spreadMs = pauseMs * jitter * random
  return new Date(Math.max(now.getTime() + pauseMs, notBefore?.getTime() ?? 0) + spreadMs)
}

/** A limit that came without a time: as many orders as it took to get there are not tried again within the day. */
export function retryAfterLimit(now: Date, notBefore: Date | null, random: number): Date {
  const leastMs = notBefore?.getTime() ?? now.getTime() + dayMs
  return new Date(leastMs + minuteMs * (1 + random))
}

/** From 0 to 1: the same for one certificate at every start, and another one for every other. */
export function chanceOf(fingerprint: string): number {
  return Number.parseInt(fingerprint.replaceAll(':', '').slice(0, 8), 16) / 2 ** 32
}
