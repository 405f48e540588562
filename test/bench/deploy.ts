// Not a claim of a ratio, but a figure beside the peers': a deploy of both halves from warm, in seconds and bytes.
//
// Measured: the sample site on two booted servers with engines of their own, bootstrapped and deployed once over ssh, a
// laptop at 200 ms from both whose line loses 1 % of all packets (test/doubles/servers), BBR on the laptop as bootstrap
// sets it on the servers. Then one line of the page and one of the API are changed, and both halves are brought: by
// `twinedge deploy` from its first word to its last (both built, shipped, swapped under their users' eyes, and verified
// from outside); and by `docker build` and `docker save | ssh docker load` for each half in turn, plain, gzipped and with
// zstd, which is where the deploy scripts of old began to stop and start containers: that time is not in it.
//
// To read: MB as the laptop's line carried them, what was sent again included; seconds; `× ours` is how much of both a
// pipe takes. `overrun` must be 0, or the emulator was the limit. Needs root, a Docker engine and the servers' roots
// (bash test/stack/testbed servers).
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../doubles/command.ts'
import { whyNoServers } from '../doubles/servers/missing.ts'
import { layServers, type Servers } from '../doubles/servers/servers.ts'
import { layOutSite, type ServedSite } from '../doubles/servers/site/site.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { figure, printTable, ratio } from './report.ts'
import type { Race } from './run.ts'
import { type Pipe, pipes } from './ship/pipes.ts'

export const hasExtras = false
export const own = []

const delayMs = 100
const loss = 0.01
const longestMs = 20 * 60_000
const lines = [
  { file: 'web/app/page.tsx', from: /<h2>Who answered\d*/, to: '<h2>Who answered' },
  { file: 'api/sample_api/app.py', from: /The app: health\d*/, to: 'The app: health' }
]

interface Row {
  readonly name: string
  readonly bytes: number
  readonly seconds: number
}

export async function measure(race: Race): Promise<void> {
  const missing = engineMissing || whyNoServers()
  if (missing) throw new Error(missing)
  const servers = await layServers(race, { engine: true, laptop: { delayMs, loss } })
  servers.laptop.place.tune('tuned')
  const site = layOutSite(race, servers, { apps: 'sample', authority: null })
  await site.init()
  await must(site, 'bootstrap')
  await must(site, 'deploy')
  const rows = [await timed(servers, 'twinedge deploy', () => must(change(site, 1), 'deploy', '--from-local'))]
  for (const [index, pipe] of pipes.entries()) {
    change(site, index + 2)
    rows.push(await timed(servers, `docker build, ${pipe.name}`, () => sendBoth(race, site, pipe)))
  }
  const [ours] = rows
  const cells = rows.map(({ name, bytes, seconds }) => [
    name,
    figure(bytes / 1e6, 2),
    ratio(bytes, ours?.bytes),
    figure(seconds, 1),
    ratio(seconds, ours?.seconds)
  ])
  printTable('deploy: both halves, a line changed in each', ['', 'MB', '× ours', 's', '× ours'], cells)
  const stats = await servers.laptop.line.stats()
  console.log(`\n  overrun: ${stats['from-laptop'].overrun + stats['from-net'].overrun}`)
}

async function timed({ laptop }: Servers, name: string, act: () => Promise<unknown>): Promise<Row> {
  const sent = async (): Promise<number> => (await laptop.line.stats())['from-laptop'].bytes
  const before = await sent()
  const beganMs = performance.now()
  await act()
  const seconds = (performance.now() - beganMs) / 1_000
  const bytes = (await sent()) - before
  console.log(`  ${name}: ${figure(bytes / 1e6, 2)} MB, ${figure(seconds, 1)} s`)
  return { name, bytes, seconds }
}

/** One line in each half, and another one each time. */
function change(site: ServedSite, time: number): ServedSite {
  for (const { file, from, to } of lines) {
    const path = join(site.folder, file)
    const text = readFileSync(path, 'utf8')
    const changed = text.replace(from, `${to}${time}`)
    if (changed === text) throw new Error(`${file} has no such line: ${from}`)
    writeFileSync(path, changed)
  }
  return site
}

async function must(site: ServedSite, ...args: string[]): Promise<void> {
  const { code, out, err } = await site.twinedge(...args)
  if (code !== 0) throw new Error(`twinedge ${args.join(' ')}: ${out}${err}`)
}

const script = 'set -o pipefail; docker save "$1" | $2 | ssh "$3" docker load --quiet >/dev/null'

async function sendBoth(race: Race, { laptop, folder }: ServedSite, { pack }: Pipe): Promise<void> {
  for (const [part, server] of [
    ['web', 'frontend'],
    ['api', 'backend']
  ] as const) {
    const image = `localhost/te-bench/${part}:pipe`
    const dockerfile = join(project, `images/${part}/Dockerfile`)
    const built = await docker(['build', '--quiet', '--tag', image, '--file', dockerfile, join(folder, part)])
    if (built.code !== 0) throw new Error(built.err)
    race.teardown(() => docker(['image', 'rm', '--force', image]))
    const { code, err } = await laptop.run('bash', ['-c', script, 'pipe', image, pack, server], {
      timeoutMs: longestMs
    })
    if (code !== 0) throw new Error(err)
  }
}
