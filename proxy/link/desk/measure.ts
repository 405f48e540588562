import { setTimeout as after } from 'node:timers/promises'
import type { LinkMeasure, MeasureRequest } from '../../control/protocol.ts'
import { EdgeError } from '../../errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import type { RoundTrip } from '../line/round-trip.ts'
import type { Outgoing } from '../outgoing.ts'
import { askPeer } from './ask.ts'

/** Where the other edge's bytes go when it measures, and where they come from. */
const SINK = '/.link/measure/sink'
const SOURCE = /^\/\.link\/measure\/source\/(\d{1,10})$/
const MOST_BYTES = 33_554_432
const CHUNK = Buffer.alloc(65_536)
/** Of messages on each line that waits: enough to see one lost packet in a hundred. */
const ROUNDS = 12

/**
 * How the line is now: small messages on every line that waits, then `bytes` in each direction.
 * @throws EdgeError LINK_DOWN when it takes longer than it may, or the link goes down
 */
export async function measureLink(
  { bytes, longestMs }: MeasureRequest,
  outgoing: Outgoing,
  roundTrip: RoundTrip
): Promise<LinkMeasure> {
  const endMs = performance.now() + longestMs
  const samples = await exchangeMessages(outgoing, roundTrip)
  if (samples.length === 0) throw new EdgeError('LINK_DOWN', 'no message was answered')
  const left = (): number => Math.max(1, endMs - performance.now())
  const timed = async (question: { method: 'GET' | 'POST'; path: string; body?: Buffer }): Promise<number> => {
    const beganMs = performance.now()
    await askPeer(outgoing.take(), { ...question, timeoutMs: left(), mostBytes: bytes, isDiscarded: true })
    return bytes / ((performance.now() - beganMs) / 1000)
  }
  const up = await timed({ method: 'POST', path: SINK, body: Buffer.alloc(bytes) })
  const down = await timed({ method: 'GET', path: `/.link/measure/source/${bytes}` })
  const sorted = samples.toSorted((a, b) => a - b)
  const least = sorted[0]!
  const roundTripMs = { least, median: sorted[sorted.length >> 1]!, most: sorted.at(-1)! }
  // The kernel sends again after a round trip and a fifth of a second at the earliest (RFC 6298, Linux's minimum).
  const late = sorted.filter(ms => ms > least + Math.max(100, least * 0.75)).length
  return { roundTripMs, messages: { sent: sorted.length, late }, up, down }
}

/** One message on a line at a time: what waits behind a lost packet is not lost as well. */
async function exchangeMessages(outgoing: Outgoing, roundTrip: RoundTrip): Promise<number[]> {
  const samples: number[] = []
  const stop = roundTrip.watch(ms => samples.push(ms))
  // A lost one is sent again after a round trip and a fifth of a second, and is answered a round trip later.
  const pauseMs = 100 + 2.5 * (roundTrip.ms ?? 500)
  for (let round = 0; round < ROUNDS; round++) {
    outgoing.spares.ping()
    await after(pauseMs)
  }
  await after(pauseMs)
  stop()
  return samples
}

/** Answers what the other edge measures with. @returns false: it is another question */
export function answerMeasure(exchange: Exchange): boolean {
  const { method, target } = exchange.head
  if (method === 'POST' && target === SINK) {
    exchange.readBody({ takeBody: () => true, endBody: () => answerEmpty(exchange) })
    return true
  }
  const bytes = Number(SOURCE.exec(target)?.[1] ?? Number.NaN)
  if (method !== 'GET' || !(bytes <= MOST_BYTES)) return false
  exchange.readBody({ takeBody: () => true, endBody() {} })
  pour(exchange, bytes)
  return true
}

function answerEmpty(exchange: Exchange): void {
  exchange.respond(200, ['content-length', '0'], 0)
  exchange.end()
}

function pour(exchange: Exchange, bytes: number): void {
  let left = bytes
  const go = (): void => {
    while (left > 0 && !exchange.isOver) {
      const part = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK
      left -= part.length
      const isTaken = exchange.write(part)
      exchange.flush()
      if (!isTaken && left > 0) return
    }
    exchange.end()
  }
  exchange.onDrain = go
  exchange.respond(200, ['content-length', `${bytes}`], bytes)
  go()
}
