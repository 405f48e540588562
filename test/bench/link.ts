// Claims, at 200 ms round trip between the servers: an API call takes at most 1.05 round trips, from the first one on; a
// stream's first event comes at most 1.1 after its request; 10 MB with 1 % loss go up at least 25 times faster than with
// the manual's nginx on a stock kernel, and no slower than with a tuned nginx and BBR; loss on one line delays the streams
// on it, and no other.
//
// Measured on two servers on this machine (test/doubles/wan: network namespaces, and a line that delays and loses packet
// by packet, 100 ms one way), fresh ones for each contestant. It is on the frontend server, the API on the backend: nginx
// goes to its published port, the edge to the other edge. Kernels: stock (CUBIC), or with BBR and no slow start after
// idle. The visitor is near the frontend server, and its own connection is not counted. Uploads are 10 MB,
// one after the other: the median of up to 9 runs, of which none begins after 60 s. And 200 streams carry 10 events a
// second each, for `--seconds` (10) in peace, and for as long while the busiest connection between the servers loses 10 %.
//
// To read: round trips and ratios. A stream counts as delayed whose longest gap is over 250 ms, where 100 is its pace; `in
// peace` must be 0, or this machine was too busy (chrt -r 1 npm run bench -- link puts it before others). `overrun` must be
// 0, or the emulator was the limit.
import { whyNoWan } from '../doubles/wan/missing.ts'
import { type LinkContestant, linkContestants } from './link/contestants.ts'
import { type Field, prepare } from './link/field.ts'
import { type Calls, measureCalls, measureUploads, type Uploads } from './link/requests.ts'
import { measureStreams, type StreamGaps } from './link/streams.ts'
import { figure, median, printTable, ratio } from './report.ts'
import type { Race } from './run.ts'

export const hasExtras = false
export const own = linkContestants

const delayMs = 100
const roundTripMs = 2 * delayMs
const upload = { bytes: 10_000_000, most: 9, longestMs: 60_000 }
const streams = { count: 200, perSecond: 10, loss: 0.1 }
const delayedMs = 250

interface Result {
  readonly name: string
  readonly calls: Calls
  readonly clean: Uploads
  readonly lossy: Uploads
  readonly gaps: StreamGaps
  readonly overrun: number
}

export async function measure(race: Race): Promise<void> {
  const missing = whyNoWan()
  if (missing !== '') throw new Error(missing)
  const results: Result[] = []
  for (const contestant of race.contestants as readonly LinkContestant[]) {
    try {
      results.push(await measureOne(race, contestant))
    } catch (error) {
      console.error(`${contestant.name}: ${error instanceof Error ? error.message : error}`)
    }
  }
  reportCalls(results)
  reportUploads(results)
  reportStreams(results)
}

async function measureOne(race: Race, contestant: LinkContestant): Promise<Result> {
  const field = await prepare(race, contestant, delayMs)
  try {
    const calls = await measureCalls(field)
    const clean = await measureUploads(field, upload)
    const gaps = await measureStreams(field, { ...streams, seconds: race.seconds ?? 10 })
    await field.ground.wan.loss(0.01)
    const lossy = await measureUploads(field, upload)
    return { name: contestant.name, calls, clean, lossy, gaps, overrun: await overrunOf(field) }
  } finally {
    await field.clear()
  }
}

async function overrunOf({ ground }: Field): Promise<number> {
  const stats = await ground.wan.stats()
  return stats['from-frontend'].overrun + stats['from-backend'].overrun
}

function reportCalls(results: readonly Result[]): void {
  const roundTrips = (ms: number): string[] => [figure(ms), figure(ms / roundTripMs, 2)]
  const rows = results.map(({ name, calls: { firstMs, laterMs, eventMs } }) => [
    name,
    ...[firstMs, laterMs, eventMs].flatMap(roundTrips)
  ])
  const columns = ['', 'first call ms', 'round trips', 'later ms', 'round trips', 'first event ms', 'round trips']
  printTable(`link: calls and streams at ${roundTripMs} ms`, columns, rows)
}

function reportUploads(results: readonly Result[]): void {
  const of = (result: Result | undefined): number => median(result?.lossy.seconds ?? [])
  const tuned = results.find(({ name }) => name.startsWith('nginx (tuned)'))
  const rows = results.map(result => {
    const { name, clean, lossy, overrun } = result
    const range = `(${[Math.min, Math.max].map(pick => figure(pick(...lossy.seconds), 2)).join('-')}, ${lossy.seconds.length})`
    const ratios = [ratio(of(results[0]), of(result)), ratio(of(tuned), of(result))]
    return [name, figure(median(clean.seconds), 2), figure(of(result), 2), range, ...ratios, `${overrun}`]
  })
  const columns = [
    '',
    's',
    's, 1 % loss',
    '(low-high, runs)',
    `faster than ${results[0]?.name}`,
    'than tuned',
    'overrun'
  ]
  printTable('link: 10 MB upload', columns, rows)
}

function reportStreams(results: readonly Result[]): void {
  const delayed = (gapsMs: readonly number[]): number => gapsMs.filter(gap => gap > delayedMs).length
  const rows = results.map(({ name, gaps: { beforeMs, duringMs, cut, lost } }) => {
    const [before, during] = [delayed(beforeMs), delayed(duringMs)]
    const worst = [beforeMs[0], duringMs[0], duringMs[during]].map(gap => figure(gap ?? Number.NaN))
    return [name, `${before}`, worst[0] ?? '', `${during}`, ...worst.slice(1), `${cut}`, `${lost}`]
  })
  const columns = ['', 'delayed in peace', 'worst ms', 'with loss', 'worst ms', 'worst other ms', 'cut', 'packets lost']
  printTable(`link: ${streams.count} streams, loss on one connection`, columns, rows)
}
