import type { X509Certificate } from 'node:crypto'
import type { RenewalStatus } from '../control/protocol.ts'
import { failuresOf, type RenewalRecord } from './disk/record.ts'
import { chanceOf, dueByAdvice, dueByAge, type Window } from './schedule.ts'

/** What a decision is made of. */
export interface Held {
  /** Of what is stored and fit; null: there is none. */
  readonly leaf: X509Certificate | null
  /** What the authority advises for it; null: nothing. */
  readonly window: Window | null
  readonly record: RenewalRecord
  /** When the operator asked for it; null: nobody has. */
  readonly askedAt: Date | null
}

export interface Due {
  readonly at: Date
  readonly reason: RenewalStatus['reason']
}

/** When a certificate is ordered, and why. @param directory that it would be ordered from */
export function dueOf(held: Held, now: Date, directory: string): Due {
  const wanted = wantedOf(held, now, directory)
  const { retryAt, failedAt } = held.record
  if (failuresOf(held.record, now) === 0 || retryAt === null) return wanted
  // Who asks does not wait for what failed before.
  if (held.askedAt !== null && held.askedAt.getTime() > Date.parse(`${failedAt}`)) return wanted
  const at = new Date(retryAt)
  return at > wanted.at ? { at, reason: 'retry' } : wanted
}

function wantedOf({ leaf, window, record, askedAt }: Held, now: Date, directory: string): Due {
  if (askedAt !== null) return { at: askedAt, reason: 'asked' }
  if (leaf === null) return { at: now, reason: 'missing' }
  if (record.source !== null && record.source.directory !== directory) return { at: now, reason: 'moved' }
  const life = { notBefore: leaf.validFromDate, notAfter: leaf.validToDate }
  if (window === null) return { at: dueByAge(life), reason: 'age' }
  return { at: dueByAdvice(window, life, chanceOf(leaf.fingerprint256)), reason: 'ari' }
}
