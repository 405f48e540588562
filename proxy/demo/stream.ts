import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Answer, Call } from './api.ts'

/** One answer of the demo's model. Event `seq` is due at `beganMs + seq * paceMs`: whoever comes back is given what it missed, then follows. */
interface Stream {
  readonly id: string
  readonly sessionId: string
  readonly tokens: readonly string[]
  readonly total: number
  readonly paceMs: number
  readonly beganMs: number
}

const KEPT_STREAMS = 200
const LARGEST_BODY = 65_536
const MOST_EVENTS = 1_000_000
const LONGEST_MS = 3_600_000

const english = `Each word here is one server-sent event. The demo API wrote it, the edge passed it on the moment it came, \
and your browser drew it before the next one was ready. Nothing on the way waited for the rest: no buffer, no compression, \
no timer. The ticks below mark when each event arrived; a proxy that held them back would draw one dark clump at the end. \
Press Stop and the browser hangs up: the edge closes the upstream at once, and the model stops thinking. Left alone, \
a stream may stay silent for ten minutes and still be open when the next word comes. `
const chinese = `这里的每个词都是一个服务器推送事件（SSE）。演示 API 写出它，边缘代理在它到达的一刻就把它转发出来，\
浏览器在下一个词准备好之前就已把它画好。途中没有谁在等后面的内容：不缓冲、不压缩、不攒批。下方的刻度记录每个事件到达的时刻；\
若有代理把它们扣住，末尾就会出现一团浓黑。按下“停止”，浏览器随即挂断：边缘代理立刻关闭上游连接，模型也就停止思考。\
若不去管它，一条流可以沉默十分钟，下一个词到来时它依然开着。`
const passages = { en: english.match(/\S+\s+/g) ?? [], zh: chinese.match(/[!-~]+ ?|.{1,2}/gu) ?? [] }

/** The chat and job streams of one API process: as in the real app, no other process knows them. */
export function streamAnswers(): Record<string, Answer> {
  const streams = new Map<string, Stream>()
  let open = 0
  const counted =
    (answer: (call: Call) => Promise<void>): Answer =>
    call => {
      open++
      return answer(call).finally(() => open--)
    }
  return {
    'chat/stream': counted(async call => {
      const stream = begin(call, await readFields(call))
      streams.set(stream.id, stream)
      for (const id of streams.keys()) if (streams.size > KEPT_STREAMS) streams.delete(id)
      await sendTokens(call, stream, 0)
    }),
    'chat/subscribe': counted(async call => {
      const fields = await readFields(call)
      const stream = streams.get(String(fields.stream_id))
      if (stream !== undefined && stream.sessionId === fields.session_id) {
        return sendTokens(call, stream, Number(fields.after_seq) || 0)
      }
      await sendEvents(call, unknown(String(fields.stream_id)))
    }),
    'jobs/events': counted(sendJob),
    // How many streams are open: seen from outside, that one has stopped.
    streams: call => call.sendJson(200, { open })
  }
}

function begin(call: Call, fields: Record<string, unknown>): Stream {
  const tokens = passages[call.query.get('lang') === 'zh' ? 'zh' : 'en']
  return {
    id: randomUUID(),
    sessionId: typeof fields.session_id === 'string' ? fields.session_id : '',
    tokens,
    total: call.amount('n', tokens.length, MOST_EVENTS),
    paceMs: call.amount('ms', 40, LONGEST_MS),
    beganMs: performance.now()
  }
}

function sendTokens(call: Call, stream: Stream, afterSeq: number): Promise<void> {
  return sendEvents(call, events())

  async function* events(): AsyncGenerator<object> {
    const { id: stream_id, tokens, total } = stream
    for (let seq = afterSeq + 1; seq <= total; seq++) {
      const waitMs = stream.beganMs + seq * stream.paceMs - performance.now()
      if (waitMs > 0) await pause(waitMs, undefined, { signal: call.gone })
      yield { type: 'token', stream_id, seq, content: tokens[(seq - 1) % tokens.length] }
    }
    yield { type: 'completed', stream_id, seq: total + 1 }
  }
}

/** What the real app says of a stream that another process owns. */
async function* unknown(stream_id: string): AsyncGenerator<object> {
  yield { type: 'completed', stream_id, seq: 0 }
}

/** For EventSource: each event has an id, and a client that comes back with the last one is not told the same twice. */
function sendJob(call: Call): Promise<void> {
  return sendEvents(call, events())

  async function* events(): AsyncGenerator<object> {
    const total = call.amount('n', 600, MOST_EVENTS)
    const paceMs = call.amount('ms', 1_000, LONGEST_MS)
    for (let seq = (Number(call.request.headers['last-event-id']) || 0) + 1; seq <= total; seq++) {
      yield { job_id: call.id, seq, status: seq < total ? 'running' : 'completed' }
      await pause(paceMs, undefined, { signal: call.gone })
    }
  }
}

/** Sends the head at once, then each event as it comes. Rejects when the client goes. */
async function sendEvents(call: Call, events: AsyncIterable<object>): Promise<void> {
  const { response, gone } = call
  call.sendHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-cache',
    'X-Accel-Buffering': 'no'
  })
  response.flushHeaders()
  for await (const event of events) {
    gone.throwIfAborted()
    if (!response.write(encode(event))) await once(response, 'drain', { signal: gone })
  }
  response.end()
}

function encode(event: object): string {
  const id = 'job_id' in event && 'seq' in event ? `id: ${event.seq}\n` : ''
  return `${id}data: ${JSON.stringify(event)}\n\n`
}

/** @returns the fields of a small JSON body; none for anything else */
async function readFields({ request }: Call): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) if (text.length < LARGEST_BODY) text += chunk
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
