// Claim: an event costs the edge at most 1.2 times nginx's CPU, arrives no later, and an open stream takes no more memory.
//
// Measured, for each contestant and protocol in a fresh process: 2,000 event streams are opened over TLS (HTTP/1.1: one
// connection each; HTTP/2: 50 on one) and stay silent, then carry 5,000 events a second in all; memory is the growth of
// PSS since before the first stream, per stream. Then 1,000 of them are closed, and three windows measured: CPU time of
// the contestant's processes per event that arrived; the delay from the upstream's write to the client's read, both on
// this machine's one monotonic clock. An event has 180 bytes.
//
// To read: CPU and memory as ratios; a delay against `direct`, which has no proxy and no TLS: below that nobody comes.
// `client` is how busy the reading process was: over 0.7, its own queue is in the delays. `cut` must be 0.
import { setTimeout as after } from 'node:timers/promises'
import type { Contestant } from './contestants.ts'
import type { StreamProtocol, StreamReading, StreamVerbs } from './load/streams.ts'
import type { Worker } from './load/worker.ts'
import { figure, median, printTable, ratio } from './report.ts'
import type { Race } from './run.ts'
import { cpuSeconds, memory } from './usage.ts'

export const hasExtras = false

const mostStreams = 2_000
const raceStreams = 1_000
const eventsPerSecond = 5_000
const settleMs = 1_500
const windows = 3

interface Result {
  readonly name: string
  readonly silentBytes: number
  readonly activeBytes: number
  readonly microseconds: readonly number[]
  readonly readings: readonly StreamReading[]
}

export async function measure(race: Race): Promise<void> {
  const direct = await run(race, { name: 'direct', port: race.upstreamPort, pid: null, protocol: 'plain' })
  for (const protocol of ['h1', 'h2'] as const) {
    const results: Result[] = []
    for (const contestant of race.contestants) {
      const result = contestant.protocols.includes(protocol) ? await measureOne(race, contestant, protocol) : null
      if (result !== null) results.push(result)
    }
    report(`sse: ${protocol === 'h1' ? 'HTTP/1.1' : 'HTTP/2'}, ${eventsPerSecond} events/s`, [...results, direct])
  }
}

async function measureOne(race: Race, contestant: Contestant, protocol: StreamProtocol): Promise<Result | null> {
  const running = await race.start(contestant)
  if (running === null) return null
  try {
    return await run(race, { name: running.name, port: running.port, pid: running.pid, protocol })
  } catch (error) {
    console.error(`${running.name}, ${protocol}: ${error instanceof Error ? error.message : error}`)
    return null
  } finally {
    await race.upstream.ask('rate', 0)
    await running.stop()
  }
}

interface Lane {
  readonly name: string
  readonly port: number
  /** Null: there is no proxy to measure. */
  readonly pid: number | null
  readonly protocol: StreamProtocol
}

async function run(race: Race, { name, port, pid, protocol }: Lane): Promise<Result> {
  const client = race.worker<StreamVerbs>('streams')
  const pss = (): number => (pid === null ? Number.NaN : memory(pid).pss)
  const empty = pss()
  await client.ask('open', { port, domain: race.track.domain, protocol, count: mostStreams })
  await after(settleMs)
  const silentBytes = (pss() - empty) / mostStreams
  await race.upstream.ask('rate', eventsPerSecond)
  await after(2 * settleMs)
  const activeBytes = (pss() - empty) / mostStreams
  await client.ask('close', mostStreams - raceStreams)
  await after(settleMs)
  const measured = await measureWindows(client, pid, (race.seconds ?? 3) * 1000)
  await race.upstream.ask('rate', 0)
  await client.stop()
  return { name, silentBytes, activeBytes, ...measured }
}

async function measureWindows(
  client: Worker<StreamVerbs>,
  pid: number | null,
  windowMs: number
): Promise<Pick<Result, 'microseconds' | 'readings'>> {
  const cpu = (): number => (pid === null ? Number.NaN : cpuSeconds(pid))
  const microseconds: number[] = []
  const readings: StreamReading[] = []
  for (let window = 0; window < windows; window++) {
    await client.ask('read', undefined)
    const before = cpu()
    await after(windowMs)
    const spent = cpu() - before
    const reading = await client.ask('read', undefined)
    readings.push(reading)
    microseconds.push((spent / reading.events) * 1e6)
  }
  return { microseconds, readings }
}

function report(title: string, results: readonly Result[]): void {
  const manual = results.find(each => each.name === 'nginx (manual)')
  const costs = results.map(each => {
    const cost = median(each.microseconds)
    const of = (pick: (reading: StreamReading) => number): number => median(each.readings.map(pick))
    const delays = [of(r => r.p50Ms), of(r => r.p99Ms), of(r => r.maxMs)].map(delay => figure(delay, 2))
    const cut = each.readings.reduce((sum, reading) => sum + reading.cut, 0)
    const against = ratio(cost, manual && median(manual.microseconds))
    return [
      each.name,
      figure(cost, 1),
      against,
      ...delays,
      `${cut}`,
      figure(
        of(r => r.busy),
        2
      )
    ]
  })
  const columns = ['', 'CPU µs/event', '× manual', 'p50 ms', 'p99 ms', 'max ms', 'cut', 'client']
  printTable(`${title} over ${raceStreams} streams`, columns, costs)
  const memories = results
    .filter(each => Number.isFinite(each.silentBytes))
    .map(({ name, silentBytes, activeBytes }) => {
      const silent = [figure(silentBytes / 1024, 1), ratio(silentBytes, manual?.silentBytes)]
      return [name, ...silent, figure(activeBytes / 1024, 1), ratio(activeBytes, manual?.activeBytes)]
    })
  const memoryColumns = ['', 'silent KB/stream', '× manual', 'active KB/stream', '× manual']
  printTable(`${title} over ${mostStreams} streams, or silent: PSS`, memoryColumns, memories)
}
