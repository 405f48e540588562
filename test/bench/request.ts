// Claim: a proxied request costs the edge no more CPU than it costs nginx with the manual's configuration.
//
// Measured: a GET of 450 bytes of JSON through /api/, over TLS with keep-alive on 32 connections, HTTP/1.1 and HTTP/2 (10
// streams on each), by h2load. The figure is the CPU time of the contestant's processes, user and system, divided by the
// requests. Contestants take turns, for several rounds; the table has each one's median, and its lowest and highest.
// Every one has one thread, and writes its access line to a file (the two packages write none).
//
// To read: the ratios. Absolute times move with the machine; CPU per request falls under load, as wake-ups are shared.
// `upstream` is how busy the shared upstream was: near 1, requests/s is its limit, not the contestant's.
import { loadWithH2load } from './load/commands.ts'
import type { Running } from './peers/launch.ts'
import { figure, median, printTable, ratio } from './report.ts'
import type { Race } from './run.ts'
import { cpuSeconds } from './usage.ts'

export const hasExtras = true

const rounds = 3
// A process that serves for weeks is measured, not one that has just started: V8 optimises for some 50,000 requests.
const warmUpRequests = 50_000
const path = '/api/v1/models'
const protocols = { h1: 'HTTP/1.1, 32 connections', h2: 'HTTP/2, 32 connections, 10 streams on each' } as const

interface Result {
  readonly name: string
  readonly microseconds: number[]
  readonly perSecond: number[]
  readonly upstream: number[]
  errors: number
}

export async function measure(race: Race): Promise<void> {
  const running: Running[] = []
  for (const contestant of race.contestants) {
    const one = await race.start(contestant)
    if (one !== null) running.push(one)
  }
  for (const [protocol, title] of Object.entries(protocols) as ['h1' | 'h2', string][]) {
    const able = running.filter(one => speaks(race, one.name, protocol))
    report(`request: ${title}`, await compare(race, able, protocol))
  }
}

async function compare(race: Race, running: readonly Running[], protocol: 'h1' | 'h2'): Promise<Result[]> {
  const turns = running.map(one => ({
    one,
    requests: 0,
    result: { name: one.name, microseconds: [], perSecond: [], upstream: [], errors: 0 } as Result
  }))
  for (const turn of turns) {
    const { domain } = race.track
    const warm = await loadWithH2load({ port: turn.one.port, domain, protocol }, path, warmUpRequests)
    turn.requests = Math.ceil(Math.max(1000, warm.perSecond) * (race.seconds ?? 2))
  }
  for (let round = 0; round < rounds; round++) {
    for (const { one, requests, result } of turns) await takeTurn(race, one, { protocol, requests, result })
  }
  return turns.map(turn => turn.result)
}

async function takeTurn(
  race: Race,
  { port, pid }: Running,
  { protocol, requests, result }: { protocol: 'h1' | 'h2'; requests: number; result: Result }
): Promise<void> {
  await race.upstream.ask('busy', undefined)
  const before = cpuSeconds(pid)
  const load = await loadWithH2load({ port, domain: race.track.domain, protocol }, path, requests)
  result.microseconds.push(((cpuSeconds(pid) - before) / load.requests) * 1e6)
  result.upstream.push(await race.upstream.ask('busy', undefined))
  result.perSecond.push(load.perSecond)
  result.errors += load.errors
}

function report(title: string, results: readonly Result[]): void {
  const manual = results.find(each => each.name === 'nginx (manual)')?.microseconds
  const tuned = results.find(each => each.name === 'nginx (tuned)')?.microseconds
  const columns = ['', 'CPU µs/request', '(low-high)', '× manual', '× tuned', 'requests/s', 'errors', 'upstream']
  const rows = results.map(each => {
    const cost = median(each.microseconds)
    const range = `(${figure(Math.min(...each.microseconds))}-${figure(Math.max(...each.microseconds))})`
    const ratios = [ratio(cost, manual && median(manual)), ratio(cost, tuned && median(tuned))]
    const rate = figure(median(each.perSecond))
    return [each.name, figure(cost, 1), range, ...ratios, rate, `${each.errors}`, figure(median(each.upstream), 2)]
  })
  printTable(title, columns, rows)
}

function speaks(race: Race, name: string, protocol: 'h1' | 'h2'): boolean {
  return race.contestants.find(each => each.name === name)?.protocols.includes(protocol) ?? false
}
