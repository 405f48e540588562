import { setTimeout as pause } from 'node:timers/promises'
import type { CrowdVerbs } from '../../doubles/crowd/crowd.ts'
import type { Upstream } from '../../doubles/stack/releases.ts'
import type { Stack } from '../../doubles/stack/stack.ts'
import type { Worker } from '../load/worker.ts'
import { figure } from '../report.ts'
import { type Row, remarks } from './table.ts'

const quietMs = 3_000
const longestMs = 120_000

/** As somebody without `twinedge swap` would: the image of the one slot that runs is another, and `up -d`; web, then api. */
export async function replaceByCompose(
  stack: Stack,
  crowd: Worker<CrowdVerbs>,
  images: Readonly<Record<Upstream, string>>
): Promise<Row[]> {
  const running = (await stack.compose('ps', '--services')).out
  // What .env says stays as it is: the shell's word goes before it.
  const env: Record<string, string> = {}
  const rows: Row[] = []
  for (const upstream of ['web', 'api'] as const) {
    const slot = running.includes(`${upstream}-green`) ? 'GREEN' : 'BLUE'
    env[`${upstream.toUpperCase()}_${slot}_IMAGE`] = images[upstream]
    rows.push(await replaceOne(stack, crowd, upstream, env))
  }
  return rows
}

async function replaceOne(
  stack: Stack,
  crowd: Worker<CrowdVerbs>,
  upstream: Upstream,
  env: Record<string, string>
): Promise<Row> {
  await crowd.ask('read', undefined)
  const beganMs = performance.now()
  const { code, err } = await stack.composeWith(env, 'up', '-d')
  const seconds = (performance.now() - beganMs) / 1_000
  if (code !== 0) throw new Error(err)
  await untilQuiet(crowd)
  const figures = await crowd.ask('read', undefined)
  const name = `${upstream}: docker compose up -d`
  console.log(`  ${name}, ${figure(seconds, 1)} s: ${figures.requests} requests, ${figures.failed} failed`)
  console.log(`  ${remarks(figures)}`)
  return { name, seconds, carried: Number.NaN, figures }
}

/** Until nothing has failed for a while. */
async function untilQuiet(crowd: Worker<CrowdVerbs>): Promise<void> {
  const end = performance.now() + longestMs
  let [failed, sinceMs] = [-1, performance.now()]
  while (performance.now() < end && performance.now() - sinceMs < quietMs) {
    const now = (await crowd.ask('peek', undefined)).failed
    if (now !== failed) sinceMs = performance.now()
    failed = now
    await pause(200)
  }
}
