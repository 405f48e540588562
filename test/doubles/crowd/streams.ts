import { EventReader } from '../stack/event-reader.ts'
import type { Client } from './client.ts'
import type { Ledger } from './ledger.ts'
import { codeIn, textOf } from './requests.ts'

const paceMs = 150
const json = { 'content-type': 'application/json' }

/** What one reader knows of one stream. */
interface Reading {
  id: string
  /** The last one it was told. */
  seq: number
  isOver: boolean
}

/**
 * Reads chats, one after another, until it is stopped: most are short, some long enough to live through a swap; of some
 * the reader leaves three times, and comes back for the rest as the app does after a reload.
 */
export async function readChats(
  client: Client,
  ledger: () => Ledger,
  { longestMs, signal }: { longestMs: number; signal: AbortSignal }
): Promise<void> {
  while (!signal.aborted) {
    const draw = Math.random()
    const share = (draw < 0.2 ? 0.7 : draw < 0.7 ? 0.1 : 0.3) + 0.3 * Math.random()
    const count = Math.max(4, Math.round((longestMs * share) / paceMs))
    const reading: Reading = { id: '', seq: 0, isOver: false }
    try {
      // So that nearly all that are under way at a flip come back after it.
      for (const part of draw < 0.7 ? [] : [0.25, 0.5, 0.75]) await read(client, ledger, reading, count, count * part)
      await read(client, ledger, reading, count, Number.POSITIVE_INFINITY)
      if (!reading.isOver) throw new Error('ended before its end')
      ledger().count('streams')
    } catch (cause) {
      // Who is turned away has failed; but nothing of his was cut.
      if (reading.id !== '') ledger().count('streamsCut')
      ledger().blame(`stream: ${(cause as Error).message}`)
      // Who is turned away at once does not hammer.
      await new Promise(resolve => setTimeout(resolve, 500))
    }
  }
}

/** @param until leaves after this event */
async function read(
  client: Client,
  ledger: () => Ledger,
  reading: Reading,
  count: number,
  until: number
): Promise<void> {
  const ask = reading.id === '' ? {} : { stream_id: reading.id, after_seq: reading.seq }
  const path = reading.id === '' ? `/api/v1/chat/stream?n=${count}&ms=${paceMs}` : '/api/v1/chat/subscribe'
  const reply = await client({ method: 'POST', path, headers: json, body: JSON.stringify(ask) })
  if (reply.status !== 200) throw new Error(`${reply.status} ${codeIn(await textOf(reply))}`)
  const events = new EventReader(reply.body)
  while (reading.seq < until) {
    const event = await events.next()
    if (event === null) return
    ledger().count('events')
    if (event.seq <= reading.seq && event.seq > 0) ledger().count('eventsRepeated')
    // Of a stream that is not known, all the rest is lost.
    const end = event.seq === 0 ? count + 1 : event.seq - 1
    if (end > reading.seq) ledger().count('eventsLost', end - reading.seq)
    reading.id = event.stream_id ?? ''
    reading.seq = Math.max(reading.seq, event.seq)
    reading.isOver = event.type === 'completed' && event.seq === count + 1
  }
  reply.body.destroy()
}
