import { EdgeError } from '../../proxy/errors.ts'

export interface Need {
  /** Of the candidate; 0: none. */
  readonly limitBytes: number
  /** What the slot that serves has in use; 0: unknown. */
  readonly usedBytes: number
}

/** A start needs more than what has settled does. */
const startFactor = 1.5
const megabyte = 1_048_576

/** @returns what a second copy is going to take: its limit at most; by the use of the first one, where that is known */
export function memoryNeeded({ limitBytes, usedBytes }: Need): number {
  const byUse = Math.ceil(usedBytes * startFactor)
  const bounds = [limitBytes, byUse].filter(bytes => bytes > 0)
  return bounds.length === 0 ? 0 : Math.min(...bounds)
}

/** @param meminfo text of /proc/meminfo @returns what can be had without swapping, bytes; Infinity if it does not say */
export function memoryAvailable(meminfo: string): number {
  const [, kilobytes] = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo) ?? []
  return kilobytes === undefined ? Number.POSITIVE_INFINITY : Number(kilobytes) * 1_024
}

/** @param meminfo text of /proc/meminfo @returns bytes; Infinity if it does not say */
export function memoryTotal(meminfo: string): number {
  const [, kilobytes] = /^MemTotal:\s+(\d+) kB$/m.exec(meminfo) ?? []
  return kilobytes === undefined ? Number.POSITIVE_INFINITY : Number(kilobytes) * 1_024
}

/** @throws EdgeError COMPOSE_MEMORY_SHORT with the figures */
export function checkMemory(service: string, need: Need, meminfo: string): void {
  const [needed, available] = [memoryNeeded(need), memoryAvailable(meminfo)]
  if (needed <= available) return
  const why = need.usedBytes > 0 ? `${mb(need.usedBytes)} in use by ${service} now` : 'its limit'
  throw new EdgeError(
    'COMPOSE_MEMORY_SHORT',
    `a second copy needs some ${mb(needed)} (${why}), ${mb(available)} are free`
  )
}

function mb(bytes: number): string {
  return `${Math.round(bytes / megabyte)} MB`
}
