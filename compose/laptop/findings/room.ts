import { stackOf } from '../doctor/evidence.ts'
import type { ServerCheck, Told } from '../doctor/finding.ts'
import { onServer } from '../plan/commands.ts'

const megabyte = 1_048_576
const gigabyte = 1_024 * megabyte
/** Below this the kernel soon kills; a deploy needs more, which is a finding of its own. */
const leastMemory = { bytes: 64 * megabyte, share: 0.05 }
const littleDisk = { bytes: gigabyte, share: 0.05 }
/** An image and its archive, while a deploy ships it. */
const deployDisk = { bytes: 3 * gigabyte, share: 0.1 }
const manyInodes = 0.9
const fullSwap = 0.9
const fullLimit = 0.9
const largeJournal = gigabyte

export const roomChecks: readonly ServerCheck[] = [
  {
    id: 'memory-short',
    about: 'memory is free',
    severity: 'fault',
    look: ({ facts, plan }) => {
      if (facts === null) return null
      const { total, available } = facts.memory
      if (available >= leastMemory.bytes && available >= leastMemory.share * total) return []
      const mend = `${onServer(plan.name, 'ps -eo rss,args --sort=-rss')}; then end what need not run, or take a larger server`
      return [
        { what: 'the server has hardly any memory left', seen: `${mb(available)} of ${mb(total)} available`, mend }
      ]
    }
  },
  {
    id: 'swap-full',
    about: 'swap is not used up',
    severity: 'warning',
    look: ({ facts, plan }) => {
      if (facts === null || facts.memory.swapTotal === 0) return null
      const { swapTotal, swapFree } = facts.memory
      if (swapFree > (1 - fullSwap) * swapTotal) return []
      const seen = `${mb(swapFree)} of ${mb(swapTotal)} free`
      return [
        {
          what: 'swap is used up: what comes next is killed',
          seen,
          mend: onServer(plan.name, 'ps -eo rss,args --sort=-rss')
        }
      ]
    }
  },
  {
    id: 'memory-limit-near',
    about: 'no slot comes near its limit',
    severity: 'warning',
    look: one => {
      const slots = stackOf(one)?.slots
      if (slots === undefined) return null
      return slots.flatMap(({ service, container }): Told[] => {
        const { memoryBytes = null, memoryLimitBytes = 0 } = container ?? {}
        if (memoryBytes === null || memoryLimitBytes === 0 || memoryBytes < fullLimit * memoryLimitBytes) return []
        const variable = `${service.split('-')[0]}_memory`.toUpperCase()
        const usual = service.startsWith('api') ? '; an API usually takes some 200 MB' : ''
        return [
          {
            what: `${service} is about to be killed for want of memory`,
            seen: `docker stats: ${mb(memoryBytes)} of ${mb(memoryLimitBytes)}${usual}`,
            mend: `raise ${variable} in ${one.plan.envFile}, then: twinedge bootstrap ${one.plan.name}; twinedge restart ${service.split('-')[0]}`
          }
        ]
      })
    }
  },
  {
    id: 'no-room-for-swap',
    about: 'a second copy of what serves has room',
    severity: 'warning',
    look: one => {
      const memory = stackOf(one)?.memory ?? null
      if (memory === null) return null
      return memory.copies
        .filter(({ fits }) => !fits)
        .map(({ upstream, neededBytes }) => ({
          what: `a deploy of ${upstream} would be refused: a second copy has no room`,
          seen: `it needs some ${mb(neededBytes)}, ${mb(memory.availableBytes)} are available`,
          mend: 'twinedge deploy --hold: requests wait while one stops and the other starts'
        }))
    }
  },
  {
    id: 'killed-by-kernel',
    about: 'the kernel has killed nothing for want of memory',
    severity: 'warning',
    look: ({ tool, plan }) => {
      const kills = tool?.examined?.kills
      if (kills === undefined) return null
      if (kills.length === 0) return []
      const seen = `dmesg, of the last day: ${kills.length} times, last: ${kills.at(-1)}`
      return [
        { what: 'the kernel has killed for want of memory', seen, mend: onServer(plan.name, 'dmesg -T --level=err') }
      ]
    }
  },
  {
    id: 'disk-full',
    about: 'disks have room',
    severity: 'fault',
    look: ({ facts, plan }) => {
      if (facts === null || facts.disks.length === 0) return null
      const mounts = [...new Map(facts.disks.map(disk => [disk.mount, disk])).values()]
      return mounts.flatMap(({ mount, total, free, inodesUsed }): Told[] => {
        const seen = `df: ${gb(free)} of ${gb(total)} free on ${mount}, ${Math.round(inodesUsed * 100)} % of its inodes used`
        const mend = `${onServer(plan.name, 'docker image prune -f')}; ${onServer(plan.name, 'docker builder prune -f')}; ${onServer(plan.name, 'journalctl --vacuum-size=200M')}`
        const is = (least: { bytes: number; share: number }): boolean =>
          free < least.bytes || free < least.share * total
        if (inodesUsed > manyInodes) return [{ what: `${mount} has hardly any inodes left`, seen, mend }]
        if (is(littleDisk)) return [{ what: `${mount} is all but full`, seen, mend }]
        if (is(deployDisk))
          return [{ what: `${mount} has little room for the next deploy`, seen, mend, severity: 'warning' }]
        return []
      })
    }
  },
  {
    id: 'journal-large',
    about: "systemd's journal is small",
    severity: 'warning',
    look: ({ tool, plan }) => {
      const bytes = tool?.examined?.journalBytes ?? null
      if (bytes === null) return null
      if (bytes < largeJournal) return []
      const seen = `journalctl --disk-usage: ${gb(bytes)}`
      return [
        {
          what: "systemd's journal takes much of the disk",
          seen,
          mend: onServer(plan.name, 'journalctl --vacuum-size=200M')
        }
      ]
    }
  }
]

function mb(bytes: number): string {
  return `${Math.round(bytes / megabyte)} MB`
}

function gb(bytes: number): string {
  return `${(bytes / gigabyte).toFixed(1)} GB`
}
