import type { Container } from '../../../compose/container/container.ts'
import type { Entry } from '../../../compose/record/journal.ts'
import type { Pending } from '../../../compose/record/pending.ts'
import type { Findings } from '../../../compose/status/slot-status.ts'
import type { UpstreamStatus } from '../../../proxy/control/protocol.ts'

/** As the engine has one that runs, and is well. */
export function container(service: string, image: string, differences: Partial<Container> = {}): Container {
  return {
    ...{
      id: service,
      service,
      image,
      imageId: `sha256:${image}`,
      state: 'running',
      health: 'healthy',
      lastCheck: null
    },
    ...{
      exitCode: 0,
      restarts: 0,
      isOutOfMemory: false,
      memoryLimitBytes: 0,
      restart: 'no',
      startedAt: '2026-11-01T00:00:00Z'
    },
    ...{ workingFolder: '/app', labels: {}, mounts: {} },
    ...differences
  }
}

/** As the edge has both slots of web. */
export function upstreams(active: 'blue' | 'green'): UpstreamStatus[] {
  return ['blue', 'green'].map(slot => ({
    ...{ name: 'web', slot, origin: 'http://127.0.0.1:1', isActive: slot === active, health: 'up', lastProbe: '200' },
    ...{ inFlight: 3, streams: 2, webSockets: 1, connections: 4, owned: 1, drain: null },
    hold: { mode: 'open', waiting: 0 },
    tally: { since: '', requests: 0, failed: 0, streamsCut: 0, longestMs: 0 }
  }))
}

/** A line of the journal: release 2 of web, which took over from release 1. */
export function entry(differences: Partial<Entry> = {}): Entry {
  return {
    ...{ at: '2026-11-01T00:00:00Z', who: 'li@cn', verb: 'swap', upstream: 'web', outcome: 'done', code: null },
    ...{ release: 2, before: 1, slot: 'green', image: 'app:2', imageId: 'sha256:2', tag: 'p/web:release-2' },
    ...{ tookMs: 4_200, report: null },
    ...differences
  }
}

export function pending(step: string): Pending {
  const how = { isHeld: false, withinMs: 1, drainMs: 1, keep: 3, handOver: null }
  const { verb: _, ...rest } = entry({ release: 3, image: 'app:3', imageId: 'sha256:3', tag: 'p/web:release-3' })
  const change = { ...rest, verb: 'swap', from: 'blue', to: 'green', before: 2, beganAt: rest.at, how } as const
  return { step, change }
}

export function findings(differences: Partial<Findings> = {}): Findings {
  const containers = [container('web-blue', 'app:1'), container('edge', 'edge:1')]
  const known = { containers, upstreams: upstreams('blue'), journal: [], pending: null, memoryBytes: new Map() }
  return { ...known, ...differences }
}
