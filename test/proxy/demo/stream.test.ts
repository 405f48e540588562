import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { startDemoApi } from '../../../proxy/demo/api.ts'

interface Event {
  readonly type: string
  readonly stream_id: string
  readonly seq: number
  readonly content?: string
}

async function demo(t: Test): Promise<string> {
  const api = await startDemoApi()
  t.teardown(() => api.close())
  return `${api.origin}/api/v1`
}

async function head(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const [response] = await once(get(url, { headers, agent: false }), 'response')
  return response
}

function eventsIn(text: string): Event[] {
  return Array.from(text.matchAll(/^data: (.*)$/gm), ([, json]) => JSON.parse(json ?? ''))
}

async function post(url: string, body: object = {}): Promise<Event[]> {
  return eventsIn(await (await fetch(url, { method: 'POST', body: JSON.stringify(body) })).text())
}

async function openStreams(url: string): Promise<number> {
  const { open } = (await (await fetch(`${url}/streams`)).json()) as { open: number }
  return open
}

t.test('the head of a stream goes out before its first event', async t => {
  const response = await head(`${await demo(t)}/chat/stream?ms=600000`)
  t.equal(response.statusCode, 200)
  t.match(response.headers, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
  response.destroy()
})

t.test('tokens come at the pace that was asked for, one event each', async t => {
  const response = await head(`${await demo(t)}/chat/stream?ms=60&n=5`)
  const began = performance.now()
  let chunks = 0
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    chunks++
    text += chunk
  }
  const events = eventsIn(text)
  t.same(
    events.map(event => event.seq),
    [1, 2, 3, 4, 5, 6]
  )
  t.equal(new Set(events.map(event => event.stream_id)).size, 1)
  t.equal(events.at(-1)?.type, 'completed')
  t.ok(chunks >= 4, 'they did not come in one piece')
  t.ok(performance.now() - began > 200, 'nor at once')
})

t.test('a client that comes back is given what it missed, and then the rest as it comes', async t => {
  const url = await demo(t)
  const first = await head(`${url}/chat/stream?ms=50&n=6`)
  const [chunk] = (await once(first, 'data')) as [Buffer]
  const [{ stream_id, seq: after_seq }] = eventsIn(chunk.toString()) as [Event]
  first.destroy()
  // The GET above named no session, so its session is the empty one.
  const rest = await post(`${url}/chat/subscribe`, { session_id: '', stream_id, after_seq })
  t.same(
    rest.map(event => event.seq),
    [1, 2, 3, 4, 5, 6, 7].slice(after_seq)
  )
})

t.test('a stream of another session, or of another process, is said to be completed', async t => {
  const url = await demo(t)
  const [{ stream_id }] = (await post(`${url}/chat/stream?ms=0&n=1`, { session_id: 'mine' })) as [Event]
  const own = await post(`${url}/chat/subscribe`, { session_id: 'mine', stream_id, after_seq: 0 })
  t.equal(own[0]?.type, 'token')
  for (const body of [
    { session_id: 'theirs', stream_id },
    { session_id: 'mine', stream_id: 'elsewhere' }
  ]) {
    const events = await post(`${url}/chat/subscribe`, { ...body, after_seq: 0 })
    t.same(
      events.map(event => event.type),
      ['completed']
    )
  }
})

t.test('a stream stops when its client goes away, also in silence', { timeout: 10_000 }, async t => {
  const url = await demo(t)
  const response = await head(`${url}/chat/stream?ms=600000`)
  t.equal(await openStreams(url), 1)
  response.destroy()
  while ((await openStreams(url)) > 0); // the test's own timeout bounds this
  t.pass('none is open')
})

t.test('a fast stream waits for a client that does not read', async t => {
  const url = await demo(t)
  const response = await head(`${url}/chat/stream?ms=0&n=1000000`)
  response.pause()
  const before = process.memoryUsage().rss
  for (let i = 0; i < 20; i++) await openStreams(url)
  t.equal(await openStreams(url), 1, 'it has not finished')
  t.ok(process.memoryUsage().rss - before < 50_000_000, 'nor is it being held in memory')
  response.destroy()
})

t.test('the words are whole in Chinese too', async t => {
  const events = await post(`${await demo(t)}/chat/stream?ms=0&lang=zh`)
  const text = events.map(event => event.content ?? '').join('')
  t.match(text, /^这里的每个词.*依然开着。$/)
  t.notMatch(text, /\uFFFD/)
})

t.test('a job tells an EventSource that comes back only what is new', async t => {
  const url = `${await demo(t)}/jobs/7/events?ms=1&n=4`
  const all = await (await fetch(url)).text()
  t.match(all, /^id: 1\ndata: {"job_id":"7","seq":1,"status":"running"}\n\n/)
  t.match(all, /id: 4\ndata: {"job_id":"7","seq":4,"status":"completed"}\n\n$/)
  const rest = await (await fetch(url, { headers: { 'last-event-id': '3' } })).text()
  t.match(rest, /^id: 4\n/)
})
