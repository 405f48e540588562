// Claim: in a container, too, the edge is there at once and small: no server has to be larger for it than for nginx in one.
//
// Measured: images/proxy beside nginx from Debian on the same base image, with the configuration that it replaces; both
// on the host's network. The size of the image; the time from `docker run` to the first request served over TLS, the
// engine's own part included, which is the same for both; memory a second later, by the kernel's count of the processes.
//
// To read: smaller is better in every column. Needs a Docker engine: test/stack/testbed starts one.
import { type ExecFileSyncOptions, execFile, execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { promisify } from 'node:util'
import { figure, median, printTable, ratio } from './report.ts'
import type { Race } from './run.ts'
import { memory } from './usage.ts'

export const hasExtras = false

const rounds = 5
const run = promisify(execFile)
const docker = async (...args: string[]): Promise<string> => (await run('docker', args)).stdout.trim()
const nginxFile = `ARG RUNTIME_IMAGE=debian:bookworm-slim
FROM \${RUNTIME_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
`

interface Boxed {
  readonly name: string
  readonly image: string
  /** Of `docker run`, for a port. */
  args(port: number): string[]
}

export async function measure(race: Race): Promise<void> {
  const built: ExecFileSyncOptions = { stdio: ['pipe', 'ignore', 'inherit'] }
  execFileSync('docker', ['build', '-q', '-t', 'bench/nginx', '-'], { ...built, input: nginxFile })
  execFileSync('docker', ['build', '-q', '-t', 'bench/edge', '-f', 'images/proxy/Dockerfile', '.'], built)
  const rows: string[][] = []
  let yardstick: number[] = []
  for (const boxed of [nginx(race), edge(race)]) {
    const bytes = Number(await docker('image', 'inspect', '-f', '{{.Size}}', boxed.image))
    const taken = await times(race, boxed)
    const [startMs, rss, pss] = [0, 1, 2].map(index => median(taken.map(each => each[index] ?? Number.NaN)))
    const figures = [bytes / 1e6, startMs ?? 0, (rss ?? 0) / 1e6, (pss ?? 0) / 1e6]
    if (yardstick.length === 0) yardstick = figures
    rows.push([boxed.name, ...figures.flatMap((value, index) => [figure(value), ratio(value, yardstick[index])])])
  }
  printTable('container: edge and nginx', ['', 'image MB', '', 'start ms', '', 'RSS MB', '', 'PSS MB', ''], rows)
}

async function times(race: Race, boxed: Boxed): Promise<number[][]> {
  const all: number[][] = []
  for (let round = 0; round <= rounds; round++) {
    const port = await freePort()
    const beganMs = performance.now()
    const id = await docker('run', '-d', '--network', 'host', ...boxed.args(port))
    try {
      await firstServed(port, race.track.domain)
      const startMs = performance.now() - beganMs
      await after(1_000)
      const used = memory(Number(await docker('inspect', '-f', '{{.State.Pid}}', id)))
      if (round > 0) all.push([startMs, used.rss, used.pss]) // the first one reads the image from the disk
    } finally {
      await docker('rm', '-f', id)
    }
  }
  return all
}

function nginx({ track }: Race): Boxed {
  const folder = join(track.folder, 'nginx')
  mkdirSync(folder, { mode: 0o755 })
  const text = readFileSync(join(import.meta.dirname, 'peers/manual.conf'), 'utf8')
  return {
    name: 'nginx (manual)',
    image: 'bench/nginx',
    args: port => {
      const words: Record<string, unknown> = { ...track, folder, port, port2: port + 1 }
      writeFileSync(
        join(folder, 'config'),
        text.replace(/\{\{(\w+)\}\}/g, (_, word) => `${words[word]}`)
      )
      return ['-v', `${track.folder}:${track.folder}`, 'bench/nginx', 'nginx', '-c', `${folder}/config`]
    }
  }
}

function edge({ track, upstreamPort }: Race): Boxed {
  const limits = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--cap-add', 'NET_BIND_SERVICE']
  const setting = (name: string, value: string): string[] => ['-e', `EDGE_${name}=${value}`]
  return {
    name: 'twinedge',
    image: 'bench/edge',
    args: port => [
      ...limits,
      ...['--tmpfs', '/var/lib/twinedge:uid=10001,mode=700', '--tmpfs', '/run/twinedge:uid=10001,mode=700'],
      ...setting('DOMAINS', track.domain),
      ...setting('LISTEN_HTTP', '127.0.0.1:0'),
      ...setting('LISTEN_HTTPS', `127.0.0.1:${port}`),
      ...setting('UPSTREAMS_WEB_SLOTS_BLUE', `http://127.0.0.1:${upstreamPort}`),
      'bench/edge'
    ]
  }
}

async function firstServed(port: number, domain: string): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if ((await statusOf(port, domain)) === 200) return
    await after(10)
  }
  throw new Error('no request was served within 10 s')
}

async function statusOf(port: number, servername: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const target = { host: '127.0.0.1', port, servername, rejectUnauthorized: false, agent: false, timeout: 5_000 }
  const request = get({ ...target, path: '/', headers: { host: servername } }, response => {
    response.resume().on('end', () => resolve(response.statusCode ?? 0))
  })
  request.on('error', () => resolve(0)).on('timeout', () => request.destroy())
  return promise
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const server = createServer().listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  const port = await promise
  server.close()
  return port
}
