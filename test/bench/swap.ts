// Claim: users notice no swap, no bad image and no rollback; with `docker compose up -d` and a new image they do.
//
// Measured: the stack of one server, up on the engine, under 200 requests a second over kept HTTP/1.1 and HTTP/2
// connections (pages, answers of the API, chunks of this build and of earlier ones), with 50 chats, 5 uploads and 5
// WebSockets at a time. Ten changes of web and ten of api by `twinedge swap` and `rollback`, four of ten with an image
// that is no good. Then, under the same load, Compose alone replaces the image of the slot that serves. All counts are
// the users' own.
//
// To read: `failed` is whatever was not answered in full and right; `cut`, `lost` and `repeated` are chats and their
// events; `carried` are chats that the slot which served before brought to their end; `404` are chunks of an earlier
// build. All five must be 0, but for Compose's rows. A swap takes as long as the longest chat that it carries. `outage` is
// the longest time in which nothing that was asked of one of the two was answered. Needs a Docker engine:
// test/stack/testbed starts one.
import { setTimeout as pause } from 'node:timers/promises'
import { twinedge } from '../doubles/command.ts'
import type { CrowdSize, CrowdVerbs } from '../doubles/crowd/crowd.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import type { Owner } from '../doubles/stack/image.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'
import type { Worker } from './load/worker.ts'
import { figure, printTable } from './report.ts'
import type { Race } from './run.ts'
import { buildImages, type Planned, plan } from './swap/changes.ts'
import { replaceByCompose } from './swap/compose-alone.ts'
import { watchMemory } from './swap/memory.ts'
import { cells, columns, type Row, remarks } from './swap/table.ts'
import { cpuSeconds, machineCpuSeconds } from './usage.ts'

export const hasExtras = false

const size: CrowdSize = {
  ...{ requestsPerSecond: 200, streams: 50, uploads: 5, sockets: 5 },
  ...{ longestStreamMs: 24_000, uploadBytes: 3_000_000, uploadMs: 5_000 }
}
const calmMs = 10_000
const betweenMs = 2_000

/** Of `twinedge swap --json`. */
interface Report {
  readonly tookMs: number
  readonly report: { readonly carried: { readonly streams: number } } | null
}

export async function measure(race: Race): Promise<void> {
  if (engineMissing !== '') throw new Error(engineMissing)
  const owner: Owner = race
  const images = { web: await buildImages(owner, 'web'), api: await buildImages(owner, 'api') }
  const stack = await upStack(owner, 'single', { WEB_IMAGE: images.web.one, API_IMAGE: images.api.one })
  const crowd = race.worker<CrowdVerbs>('../../doubles/crowd/crowd')
  await crowd.ask('start', { site: { httpsPort: stack.httpsPort, ca: stack.ca }, size })
  await pause(betweenMs)
  await crowd.ask('readPhase', undefined)
  const memory = await watchMemory(stack.project)
  const rows = [await calm(stack, crowd)]
  for (const change of plan(images, race.changes ?? 10)) {
    rows.push(await carryOut(stack, crowd, change))
    await pause(betweenMs)
  }
  const figures = await crowd.ask('readPhase', undefined)
  const all = { name: 'all of them', seconds: figures.seconds, carried: Number.NaN, figures }
  const peak = await memory.stop()
  rows.push(...(await replaceByCompose(stack, crowd, { web: images.web.two, api: images.api.two })))
  const { failed } = await crowd.ask('stop', undefined)
  printTable('swap: twinedge, then Compose alone', columns, [...rows.slice(0, -2), all, ...rows.slice(-2)].map(cells))
  console.log(`  all of them: ${remarks(figures)}`)
  const megabytes = Object.entries(peak.byService).map(([service, bytes]) => `${service} ${figure(bytes / 1e6)}`)
  console.log(`  peak memory: ${figure(peak.all / 1e6)} MB in all containers at a time; each at most ${megabytes}`)
  console.log(`  afterwards: ${failed} failed`)
}

/** What the load is like when nothing is changed, and where this machine's time goes. */
async function calm(stack: Stack, crowd: Worker<CrowdVerbs>): Promise<Row> {
  const services = ['edge', 'web-blue', 'api-blue']
  const pids = await Promise.all(services.map(async service => (await stack.inspect(service)).State.Pid as number))
  const spent = (): number[] => [...pids, crowd.pid].map(cpuSeconds).concat(machineCpuSeconds())
  const before = spent()
  await pause(calmMs)
  const cores = spent().map((seconds, at) => figure((seconds - before[at]!) / (calmMs / 1_000), 2))
  const figures = await crowd.ask('read', undefined)
  const names = [...services, 'the crowd', 'all on this machine']
  console.log(`  cores at work before the first change: ${names.map((name, at) => `${name} ${cores[at]}`).join(', ')}`)
  return { name: 'no change', seconds: figures.seconds, carried: Number.NaN, figures }
}

async function carryOut(stack: Stack, crowd: Worker<CrowdVerbs>, change: Planned): Promise<Row> {
  await crowd.ask('read', undefined)
  const beganMs = performance.now()
  const { code, out, err } = await twinedge([...change.args, '--project', stack.project], {}, 300_000)
  const seconds = (performance.now() - beganMs) / 1_000
  const figures = await crowd.ask('read', undefined)
  const name = `${change.upstream}: ${change.name}`
  console.log(`  ${name}, ${figure(seconds, 1)} s: ${figures.requests} requests, ${figures.failed} failed`)
  if ((code === 0) !== change.isGood) console.log(`  exit code ${code}:\n${err}`)
  if (figures.failed > 0) console.log(`  ${remarks(figures)}`)
  const carried = code === 0 ? ((JSON.parse(out) as Report).report?.carried.streams ?? Number.NaN) : Number.NaN
  return { name, seconds, carried, figures }
}
