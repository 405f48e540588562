// Claim: idle, the edge takes at most 80 MB; a 100 MB upload passes through it and adds at most 20 MB.
//
// Measured: `idle` is the RSS five seconds after the start, before any request. Then curl POSTs 100,000,000 bytes, alone
// and four at once, over HTTP/1.1 and HTTP/2, and four at once to an upstream that takes only 20 MB/s from each, so that
// what a contestant holds back must lie somewhere. Each case runs `--seconds` times (2): the median of the wall time and
// of the CPU time per upload, and the highest growth of the peak RSS (VmHWM, reset before) over the RSS before it.
//
// To read: `+MB` first. nginx with the manual's configuration spools an upload to disk before its upstream sees a byte:
// little memory, but the disk, and the wait (its first byte upstream comes after the client's last).
import { closeSync, ftruncateSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { uploadWithCurl } from './load/commands.ts'
import type { Running } from './peers/launch.ts'
import { figure, median, printTable, ratio } from './report.ts'
import type { Race } from './run.ts'
import { cpuSeconds, memory, peakRss, resetPeakRss } from './usage.ts'

export const hasExtras = false

const megabyte = 2 ** 20
const bytes = 100_000_000
const idleMs = 5_000
const cases = [
  { title: 'HTTP/1.1, one', protocol: 'h1', atOnce: 1, path: '/api/v1/upload' },
  { title: 'HTTP/2, one', protocol: 'h2', atOnce: 1, path: '/api/v1/upload' },
  { title: 'HTTP/1.1, four at once', protocol: 'h1', atOnce: 4, path: '/api/v1/upload' },
  { title: 'HTTP/2, four at once', protocol: 'h2', atOnce: 4, path: '/api/v1/upload' },
  { title: 'HTTP/1.1, four at once, slow upstream', protocol: 'h1', atOnce: 4, path: '/api/v1/upload/slow' },
  { title: 'HTTP/2, four at once, slow upstream', protocol: 'h2', atOnce: 4, path: '/api/v1/upload/slow' }
] as const

interface Sample {
  readonly seconds: number
  readonly cpu: number
  readonly added: number
}

export async function measure(race: Race): Promise<void> {
  const running: Running[] = []
  for (const contestant of race.contestants) {
    const one = await race.start(contestant)
    if (one !== null) running.push(one)
  }
  await after(idleMs)
  const idle = running.map(({ name, pid }) => [
    name,
    ...Object.values(memory(pid)).map(size => figure(size / megabyte, 1))
  ])
  printTable(`upload: idle, ${idleMs / 1000} s after the start`, ['', 'RSS MB', 'PSS MB'], idle)
  const file = { path: join(race.track.folder, 'body'), bytes }
  const descriptor = openSync(file.path, 'w')
  ftruncateSync(descriptor, bytes)
  closeSync(descriptor)
  for (const each of cases) {
    const results = new Map(running.map(one => [one.name, [] as Sample[]]))
    for (let round = 0; round < (race.seconds ?? 2); round++) {
      for (const one of running) results.get(one.name)?.push(await upload(race, one, { ...each, file }))
    }
    report(`upload: 100 MB, ${each.title}`, results)
  }
}

type Upload = Omit<(typeof cases)[number], 'title'> & { readonly file: { path: string; bytes: number } }

async function upload(
  race: Race,
  { port, pid, name }: Running,
  { protocol, atOnce, path, file }: Upload
): Promise<Sample> {
  const target = { port, domain: race.track.domain, protocol }
  resetPeakRss(pid)
  const [restingRss, restingCpu] = [memory(pid).rss, cpuSeconds(pid)]
  try {
    const all = await Promise.all(Array.from({ length: atOnce }, () => uploadWithCurl(target, path, file)))
    const cpu = (cpuSeconds(pid) - restingCpu) / atOnce
    return { seconds: Math.max(...all), cpu, added: peakRss(pid) - restingRss }
  } catch (error) {
    console.error(`${name}, ${protocol}: ${error instanceof Error ? error.message : error}`)
    return { seconds: Number.NaN, cpu: Number.NaN, added: Number.NaN }
  }
}

function report(title: string, results: ReadonlyMap<string, readonly Sample[]>): void {
  const cpuOf = (samples: readonly Sample[] | undefined): number => median(samples?.map(sample => sample.cpu) ?? [])
  const manual = cpuOf(results.get('nginx (manual)'))
  const rows = [...results].map(([name, samples]) => {
    const seconds = median(samples.map(sample => sample.seconds))
    const added = Math.max(...samples.map(sample => sample.added)) / megabyte
    return [name, figure(added, 1), figure(seconds, 2), figure(cpuOf(samples) * 1000), ratio(cpuOf(samples), manual)]
  })
  printTable(title, ['', '+MB', 'seconds', 'CPU ms each', '× manual'], rows)
}
