// npm run bench -- request|sse|handshake|upload|container|swap|link|ship|deploy [--only NAME,NAME] [--seconds N] [--changes N]
// Races the edge against its peers, side by side on this machine. Nothing here passes or fails: it prints figures,
// their ratios, and the machine. Needs Linux; what is missing of the peers is named with the way to get it.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as container from './container.ts'
import { type Contestant, contestants } from './contestants.ts'
import * as deploy from './deploy.ts'
import * as handshake from './handshake.ts'
import * as link from './link.ts'
import type { UpstreamVerbs } from './load/upstream.ts'
import { type Verbs, Worker } from './load/worker.ts'
import { find, type Running, start, type Track } from './peers/launch.ts'
import { printMachine } from './report.ts'
import * as request from './request.ts'
import * as ship from './ship.ts'
import * as sse from './sse.ts'
import * as swap from './swap.ts'
import * as upload from './upload.ts'
import { cpuSeconds, machineCpuSeconds } from './usage.ts'

/** What a bench is given. Whatever it starts here is stopped at the end, however it ends. */
export interface Race {
  readonly contestants: readonly Contestant[]
  /** As asked for on the command line. */
  readonly seconds: number | undefined
  readonly changes: number | undefined
  readonly track: Track
  readonly upstream: Worker<UpstreamVerbs>
  readonly upstreamPort: number
  /** @returns null when it would not start; the reason has been printed */
  start(contestant: Contestant): Promise<Running | null>
  /** Run at the end, the last one first. */
  readonly teardown: (stop: () => unknown) => void
  /** @param file below load/, without `.ts` */
  worker<V extends Verbs>(file: string): Worker<V>
}

interface Bench {
  readonly hasExtras: boolean
  /** Who races, where it is not those whom the other benches have. */
  readonly own?: readonly Contestant[]
  measure(race: Race): Promise<void>
}

const benches: Record<string, Bench> = { request, sse, handshake, upload, container, swap, link, ship, deploy }
const domain = 'bench.test'
const started: { stop(): Promise<void> }[] = []
const teardowns: (() => unknown)[] = []
const folder = mkdtempSync(join(tmpdir(), 'bench-'))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, seconds: { type: 'string' }, changes: { type: 'string' } }
})
process.once('SIGINT', () => void finish(130)).once('SIGTERM', () => void finish(143))
try {
  await main(positionals[0] ?? '')
  await finish(0)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await finish(1)
}

async function main(name: string): Promise<void> {
  const bench = benches[name]
  if (bench === undefined) throw new Error(`Which one? npm run bench -- ${Object.keys(benches).join('|')}`)
  const chosen = choose(values.only?.split(','), bench)
  printMachine(chosen)
  const upstream = worker<UpstreamVerbs>('upstream')
  const upstreamPort = await upstream.ask('listen', undefined)
  const track = layTrack(upstreamPort)
  const others = watchOthers()
  const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))
  await bench.measure({
    contestants: chosen.filter(each => find(each) !== null),
    seconds: number(values.seconds),
    changes: number(values.changes),
    track,
    upstream,
    upstreamPort,
    worker,
    teardown: stop => teardowns.unshift(stop),
    start: contestant => startOne(contestant, track)
  })
  console.log(
    `\nMeanwhile others took ${others().toFixed(2)} of ${cpus().length} cores; figures hold when that is near 0.`
  )
}

/** @returns how many cores, on average since the call, worked for processes that are not in the race */
function watchOthers(): () => number {
  const spent = (): number => machineCpuSeconds() - cpuSeconds(process.pid)
  const [before, beganMs] = [spent(), performance.now()]
  return () => Math.max(0, ((spent() - before) / (performance.now() - beganMs)) * 1000)
}

function choose(names: readonly string[] | undefined, bench: Bench): readonly Contestant[] {
  const all = bench.own ?? contestants
  if (names === undefined) return all.filter(each => bench.hasExtras || each.isExtra === undefined)
  return names.map(name => {
    const found = all.find(each => each.name === name)
    if (found === undefined) throw new Error(`No contestant "${name}": ${all.map(each => each.name).join(', ')}`)
    return found
  })
}

/** One certificate for all: ECDSA P-256. */
function layTrack(upstreamPort: number): Track {
  chmodSync(folder, 0o755) // nginx, started by root, works as nobody
  const [cert, key, pair] = [join(folder, 'cert.pem'), join(folder, 'key.pem'), join(folder, 'pair.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90']
  const name = ['-subj', `/CN=${domain}`, '-addext', `subjectAltName=DNS:${domain}`]
  if (find({ binary: 'openssl' }) === null) throw new Error('openssl is not installed: apt install openssl')
  execFileSync('openssl', ['req', '-x509', ...curve, ...name, '-keyout', key, '-out', cert], { stdio: 'pipe' })
  writeFileSync(pair, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
  return { folder, domain, host: '127.0.0.1', cert, key, pair, upstream: `127.0.0.1:${upstreamPort}` }
}

async function startOne(contestant: Contestant, track: Track): Promise<Running | null> {
  try {
    return await start(contestant, track, running => started.push(running))
  } catch (error) {
    console.error(`${contestant.name}: ${error instanceof Error ? error.message : error}`)
    return null
  }
}

function worker<V extends Verbs>(file: string): Worker<V> {
  const made = new Worker<V>(file)
  started.push(made)
  return made
}

async function finish(code: number): Promise<void> {
  await Promise.all(started.map(each => each.stop()))
  for (const stop of teardowns) await stop()
  rmSync(folder, { recursive: true, force: true })
  process.exit(code)
}
