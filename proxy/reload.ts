import { isDeepStrictEqual } from 'node:util'
import type { EdgeConfig } from './config/config.ts'

/** Settings that a running edge cannot change: it says so instead of pretending. */
const FIXED: readonly (keyof EdgeConfig)[] = ['control', 'stateFolder']

/** The top-level settings in which two configurations differ, for the operator. */
export function changesBetween(before: EdgeConfig, after: EdgeConfig): string[] {
  const names = Object.keys(after) as (keyof EdgeConfig)[]
  return names
    .filter(name => !isDeepStrictEqual(before[name], after[name]))
    .map(name => (FIXED.includes(name) ? `${name} (from the next start on)` : name))
}
