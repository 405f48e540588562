import { memoryAvailable, memoryNeeded, memoryTotal } from '../stack/memory.ts'
import type { SlotStatus } from './slot-status.ts'

/** The memory of this server, bytes; and what the next swap of each upstream would take of it. */
export interface Room {
  readonly totalBytes: number
  /** Without swapping. */
  readonly availableBytes: number
  readonly copies: readonly Copy[]
}

export interface Copy {
  readonly upstream: string
  /** Some, as a swap reckons before it begins; 0: unknown. */
  readonly neededBytes: number
  /** Else it is refused without --hold. */
  readonly fits: boolean
}

/** @param meminfo text of /proc/meminfo @returns null when it says nothing */
export function roomOf(slots: readonly SlotStatus[], meminfo: string): Room | null {
  const [totalBytes, availableBytes] = [memoryTotal(meminfo), memoryAvailable(meminfo)]
  if (!Number.isFinite(totalBytes) || !Number.isFinite(availableBytes)) return null
  const copies = slots.flatMap(({ upstream, isActive, container }): Copy[] => {
    if (isActive !== true || container === null) return []
    const need = { limitBytes: container.memoryLimitBytes, usedBytes: container.memoryBytes ?? 0 }
    const neededBytes = memoryNeeded(need)
    return [{ upstream, neededBytes, fits: neededBytes <= availableBytes }]
  })
  return { totalBytes, availableBytes, copies }
}
