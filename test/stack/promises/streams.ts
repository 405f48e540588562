import type { Test } from 'tap'
import { until } from '../../doubles/edge-process.ts'
import { type Conversation, converse, converseJson } from '../../doubles/stack/conversation.ts'
import { EventReader, type StreamEvent } from '../../doubles/stack/event-reader.ts'
import type { Promises, Way } from './way.ts'

const session_id = 's-1'

function post(t: Test, { edge, protocol }: Way, path: string, body: object): Promise<Conversation> {
  const headers = { 'content-type': 'application/json', 'accept-encoding': 'gzip, br' }
  return converse(t, edge, protocol, {
    method: 'POST',
    path: `/api/v1/chat/${path}`,
    headers,
    body: JSON.stringify(body)
  })
}

/** How many streams the API itself has open. */
async function openStreams(t: Test, { edge, protocol }: Way): Promise<number> {
  return (await converseJson(t, edge, protocol, { path: '/api/v1/streams' })).open
}

const numbers = (events: readonly StreamEvent[]): number[] => events.map(({ seq }) => seq)
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1)

/** Server-sent events, as facts about the real app have them. */
export const streams: Promises = {
  async 'an event of a stream is here before the next one was made'(t, way) {
    const stream = await post(t, way, 'stream?n=3&ms=700', { session_id })
    t.equal(stream.status, 200)
    t.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8')
    t.equal(stream.headers['content-encoding'], undefined, 'compressed, it would wait for a full block')
    // uvicorn's is keep-alive; what this client hears is of its own connection.
    t.equal(stream.headers.connection, way.protocol === 'h1' ? 'close' : undefined)
    const reader = new EventReader(stream.body)
    const [first] = await reader.take(1)
    t.match(first, { type: 'token', seq: 1 })
    await post(t, way, 'abort', { session_id, stream_id: first?.stream_id })
    // Had it been held back, all three would have been made by now.
    t.match(await reader.take(10), [{ type: 'aborted', seq: 2 }], 'so the rest was never made')
  },

  async 'a stream that its reader left is over for the API at once, and resumes with no event missed or twice'(t, way) {
    const stream = await post(t, way, 'stream?n=2000&ms=20', { session_id })
    const seen = await new EventReader(stream.body).take(7)
    await until(async () => (await openStreams(t, way)) === 1, 'the API has it open')
    stream.leave()
    await until(async () => (await openStreams(t, way)) === 0, 'the API has seen its reader leave')

    const stream_id = seen[0]?.stream_id
    const again = await post(t, way, 'subscribe', { session_id, stream_id, after_seq: seen.at(-1)?.seq })
    const reader = new EventReader(again.body)
    seen.push(...(await reader.take(20)))
    await post(t, way, 'abort', { session_id, stream_id })
    seen.push(...(await reader.take(2_000)))
    t.equal(seen.at(-1)?.type, 'aborted')
    t.same(numbers(seen), upTo(seen.length))
    t.ok(seen.length < 2_000)
  },

  async "a job's events go on after the last one that EventSource saw"(t, { edge, protocol }) {
    const path = '/api/v1/jobs/j-1/events?n=5&ms=20'
    const headers = { accept: 'text/event-stream' }
    const stream = await converse(t, edge, protocol, { path, headers })
    const seen = await new EventReader(stream.body).take(2)
    stream.leave()
    const last = seen.at(-1)?.id ?? ''
    const again = await converse(t, edge, protocol, { path, headers: { ...headers, 'last-event-id': last } })
    seen.push(...(await new EventReader(again.body).take(10)))
    t.same(numbers(seen), upTo(5))
    t.match(seen.at(-1), { id: '5', status: 'completed' })
  }
}
