import { setTimeout as pause } from 'node:timers/promises'
import { dockerEngine } from '../../../compose/engine.ts'

const lookMs = 500
const services = ['edge', 'web-blue', 'web-green', 'api-blue', 'api-green']

/** The most that a stack's containers held at a time, as `docker stats` counts it; bytes. */
export interface Peak {
  all: number
  edge: number
  /** Of these services, each. */
  readonly byService: Record<string, number>
}

/** Looks twice a second until it is stopped. */
export async function watchMemory(project: string): Promise<{ stop(): Promise<Peak> }> {
  const engine = await dockerEngine()
  const peak: Peak = { all: 0, edge: 0, byService: {} }
  let isStopping = false
  const used = async (service: string): Promise<number> => {
    const found = await engine.find(project, service).catch(() => null)
    if (found?.state !== 'running') return 0
    // It may have stopped meanwhile.
    return (await engine.memoryInUse(found.id).catch(() => 0)) || 0
  }
  const watch = async (): Promise<void> => {
    for (; !isStopping; await pause(lookMs)) {
      const bytes = await Promise.all(services.map(used))
      for (const [at, service] of services.entries()) {
        peak.byService[service] = Math.max(peak.byService[service] ?? 0, bytes[at]!)
      }
      peak.all = Math.max(
        peak.all,
        bytes.reduce((sum, one) => sum + one, 0)
      )
      peak.edge = Math.max(peak.edge, bytes[0]!)
    }
  }
  const watching = watch()
  return {
    async stop() {
      isStopping = true
      await watching
      return peak
    }
  }
}
