import type { Fault } from '../faults.ts'
import type { Settings } from '../settings.ts'

/** Finds what is wrong between settings that are each right. Where they stand is added to what it yields. */
export type Check = (settings: Settings) => Iterable<Omit<Fault, 'line' | 'variable'>>
