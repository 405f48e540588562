// Claim: a handshake costs the edge what it costs the others, since all of them run OpenSSL's or Go's P-256.
//
// Measured: TLS 1.3 handshakes with one ECDSA P-256 certificate, eight at a time, each closed as soon as it is done; full
// ones, then resumed ones (with a ticket, so without the certificate's signature). The figure is how many of them one
// second of the contestant's CPU time pays for, accepting and closing the connection included.
//
// To read: the ratios, higher is better. `resumed` is the share that the contestant did resume: 1 where it gives tickets.
import { setTimeout as after } from 'node:timers/promises'
import type { HandshakeVerbs } from './load/handshakes.ts'
import type { Worker } from './load/worker.ts'
import type { Running } from './peers/launch.ts'
import { figure, median, printTable, ratio } from './report.ts'
import type { Race } from './run.ts'
import { cpuSeconds } from './usage.ts'

export const hasExtras = false

const rounds = 3
const settleMs = 200

interface Result {
  readonly name: string
  readonly perCpuSecond: number[]
  readonly resumed: number[]
  failed: number
}

export async function measure(race: Race): Promise<void> {
  const running: Running[] = []
  for (const contestant of race.contestants) {
    const one = await race.start(contestant)
    if (one !== null) running.push(one)
  }
  const client = race.worker<HandshakeVerbs>('handshakes')
  for (const isResumed of [false, true]) {
    const results: Result[] = running.map(({ name }) => ({ name, perCpuSecond: [], resumed: [], failed: 0 }))
    for (let round = 0; round <= rounds; round++) {
      for (const [index, one] of running.entries()) {
        const result = results[index]
        if (result !== undefined) await takeTurn(race, client, { one, isResumed, result, isWarmUp: round === 0 })
      }
    }
    report(`handshake: TLS 1.3, ${isResumed ? 'resumed' : 'full'}`, results)
  }
}

interface Turn {
  readonly one: Running
  readonly isResumed: boolean
  readonly result: Result
  readonly isWarmUp: boolean
}

async function takeTurn(race: Race, client: Worker<HandshakeVerbs>, turn: Turn): Promise<void> {
  const { one, isResumed, result, isWarmUp } = turn
  const before = cpuSeconds(one.pid)
  const ms = (race.seconds ?? 2) * 1000
  const count = await client.ask('run', { port: one.port, domain: race.track.domain, ms, isResumed })
  await after(settleMs) // the last ones are still being closed
  if (isWarmUp) return
  result.perCpuSecond.push(count.done / (cpuSeconds(one.pid) - before))
  result.resumed.push(count.resumed / count.done)
  result.failed += count.failed
}

function report(title: string, results: readonly Result[]): void {
  const manual = results.find(each => each.name === 'nginx (manual)')?.perCpuSecond
  const rows = results.map(each => {
    const rate = median(each.perCpuSecond)
    const against = ratio(rate, manual && median(manual))
    return [each.name, figure(rate), figure(1e6 / rate), against, figure(median(each.resumed), 2), `${each.failed}`]
  })
  printTable(title, ['', 'per CPU second', 'CPU µs each', '× manual', 'resumed', 'failed'], rows)
}
