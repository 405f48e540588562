import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** The kernel reports CPU time to user space in hundredths of a second, on every architecture (proc(5), USER_HZ). */
const ticksPerSecond = 100

/** Bytes, over all processes of a contestant. */
export interface Memory {
  /** Pages shared between its processes count once for each. */
  readonly rss: number
  /** Pages shared with others count by their share: the fair figure for a master and its workers. */
  readonly pss: number
}

/** CPU seconds spent so far by a process, its children and theirs, those that have ended included; 10 ms steps. */
export function cpuSeconds(pid: number): number {
  let ticks = 0
  for (const each of family(pid)) {
    const fields = statOf(each)
    for (const field of fields.slice(11, 15)) ticks += Number(field) // utime, stime, cutime, cstime
  }
  return ticks / ticksPerSecond
}

/** CPU seconds that this machine has spent since it started, on whatever. */
export function machineCpuSeconds(): number {
  const [, ...columns] = readFileSync('/proc/stat', 'latin1').split('\n')[0]?.split(/ +/) ?? []
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = columns.map(Number) // idle and iowait left out
  return (user + nice + system + irq + softirq) / ticksPerSecond
}

export function memory(pid: number): Memory {
  let rss = 0
  let pss = 0
  for (const each of family(pid)) {
    const rollup = readFileSync(`/proc/${each}/smaps_rollup`, 'latin1')
    rss += kilobytes(rollup, 'Rss')
    pss += kilobytes(rollup, 'Pss')
  }
  return { rss, pss }
}

/** From here on `peakRss()` counts anew (proc(5), clear_refs: 5). */
export function resetPeakRss(pid: number): void {
  for (const each of family(pid)) writeFileSync(`/proc/${each}/clear_refs`, '5')
}

/** Bytes: the sum of each process's peak. */
export function peakRss(pid: number): number {
  let peak = 0
  for (const each of family(pid)) peak += kilobytes(readFileSync(`/proc/${each}/status`, 'latin1'), 'VmHWM')
  return peak
}

/** The process and all below it. One that ends while we look is left out. */
export function family(root: number): number[] {
  const childrenOf = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    const parent = Number(statOf(pid)[1])
    const siblings = childrenOf.get(parent)
    if (siblings === undefined) childrenOf.set(parent, [pid])
    else siblings.push(pid)
  }
  const found = [root]
  for (const pid of found) found.push(...(childrenOf.get(pid) ?? []))
  return found
}

/** The fields of /proc/PID/stat from the third (state) on; none when it has ended. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ') // a command's name may hold spaces and brackets
  } catch {
    return []
  }
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
}
