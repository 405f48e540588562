import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connectRaw, readUntil } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { type Answer, type Ask, ask, askH2, openH2, type Protocol, protocols } from '../../doubles/foreign-client.ts'
import { promote, slotOf } from '../../doubles/slot-pair.ts'
import { type StreamPair, startStreamPair } from '../../doubles/stream-pair.ts'

const json = (value: unknown): Pick<Ask, 'method' | 'body' | 'headers'> => {
  const body = typeof value === 'string' ? value : JSON.stringify(value)
  return { method: 'POST', body, headers: ['content-type', 'application/json', 'content-length', `${body.length}`] }
}

/** Begins a stream on the slot that serves, by HTTP/2 so that it can be left, and waits until the edge knows it. */
async function begin(t: Test, pair: StreamPair, key: string): Promise<{ ended: Promise<Answer>; leave(): void }> {
  const session = await openH2(t, pair.edge)
  const { upstreams } = pair.edge.edge.status()
  const known = (): number => slotOf(pair, upstreams.find(({ isActive }) => isActive)!.slot).owned
  const before = known()
  const ended = askH2(session, { path: `/stream?id=${key}` })
  await until(() => known() === before + 1, 'its stream is known')
  return { ended, leave: () => session.destroy() }
}

/** A pair with the stream `s-1` on blue, which drains; green serves. */
async function divide(t: Test, options: { idle?: string } = {}) {
  const pair = await startStreamPair(t, options)
  const stream = await begin(t, pair, 's-1')
  await promote(pair, 'green')
  pair.edge.edge.slots.drain({ upstream: 'web', slot: 'blue', withinMs: 60_000, graceMs: 0 })
  return { ...pair, stream }
}

const isDone = (pair: StreamPair): boolean => slotOf(pair, 'blue').drain?.isDone === true

const places: Record<string, (key: string) => Ask> = {
  body: key => ({ path: '/about', ...json({ seq: 1, stream_id: key }) }),
  path: key => ({ path: `/jobs/${key}/events` }),
  header: key => ({ path: '/about', headers: ['x-stream', key] }),
  cookie: key => ({ path: '/about', headers: ['cookie', `theme=dark; stream=${key}`] }),
  query: key => ({ path: `/about?a=b&stream=${key}` })
}

async function whoAnswers(t: Test, pair: StreamPair, protocol: Protocol, what: Ask): Promise<string> {
  return (await ask(t, pair.edge, protocol, what)).body.split(' ')[0]!
}

for (const protocol of protocols) {
  t.test(
    `${protocol}: requests about a stream go to the slot that runs it while it drains, all others not`,
    async t => {
      const pair = await divide(t)
      t.match(slotOf(pair, 'blue'), { owned: 1, drain: { isDone: false } })
      for (const [place, about] of Object.entries(places)) {
        t.equal(await whoAnswers(t, pair, protocol, about('s-1')), 'blue', place)
        t.equal(await whoAnswers(t, pair, protocol, about('s-2')), 'green', `another, by ${place}`)
      }
      t.equal(await whoAnswers(t, pair, protocol, { path: '/other?stream=s-1' }), 'green', 'a route that does not ask')
      t.equal(await whoAnswers(t, pair, protocol, { path: '/about' }), 'green', 'no key at all')
      t.match(await pair.edge.line(({ path }) => path === '/jobs/s-1/events'), { slot: 'blue', status: 200 })
      pair.blue.end('s-1')
      t.ok((await pair.stream.ended).isComplete)
      await until(() => isDone(pair), 'it ended by itself: nobody is awaited')
      for (const [place, about] of Object.entries(places)) {
        t.equal(await whoAnswers(t, pair, protocol, about('s-1')), 'green', `afterwards, by ${place}`)
      }
    }
  )

  t.test(`${protocol}: a body that was looked at arrives as it was`, async t => {
    const pair = await divide(t)
    const odd = '{"stream_id":\t"s-1",  "text": "\\u8868\xe6\xa0\xbc", "n": 1.50}\r\n'
    t.equal((await ask(t, pair.edge, protocol, { path: '/about', ...json(odd) })).body, `blue ${odd}`)
    t.equal(pair.blue.heads.at(-1)?.['content-length'], `${odd.length}`)
    for (const other of [odd.replace('s-1', 's-2'), '{"stream_id":"s-1"', '["s-1"]']) {
      t.equal((await ask(t, pair.edge, protocol, { path: '/about', ...json(other) })).body, `green ${other}`)
    }
    const large = JSON.stringify({ text: 'x'.repeat(65_536 - 29), stream_id: 's-1' })
    const [atMost, above] = [large.padEnd(65_536), large.padEnd(65_537)]
    t.equal((await ask(t, pair.edge, protocol, { path: '/about', ...json(atMost) })).body, `blue ${atMost}`)
    t.equal((await ask(t, pair.edge, protocol, { path: '/about', ...json(above) })).body, `green ${above}`)
  })

  t.test(`${protocol}: what is not small JSON is not looked into`, async t => {
    const pair = await divide(t)
    const body = '{"stream_id":"s-1"}'
    const length = ['content-length', `${body.length}`]
    const plain = { path: '/about', method: 'POST', body, headers: ['content-type', 'text/plain', ...length] }
    t.equal(await whoAnswers(t, pair, protocol, plain), 'green')
    const chunked = { path: '/about', method: 'POST', body, headers: ['content-type', 'application/json'] }
    t.equal(await whoAnswers(t, pair, protocol, chunked), 'green')
  })
}

/** Opens a WebSocket about a stream. @returns who answered, and it, which is open */
async function talk(t: Test, pair: StreamPair, path: string, headers: Record<string, string> = {}) {
  const url = `wss://localhost:${pair.edge.httpsPort}${path}`
  const webSocket = new WebSocket(url, { ca: pair.edge.ca, headers })
  t.teardown(() => webSocket.terminate())
  const [said] = await once(webSocket, 'message')
  return { webSocket, who: `${said}` }
}

t.test('a WebSocket about a stream goes to the slot that runs it, and all others not', async t => {
  const pair = await divide(t)
  const { webSocket, who } = await talk(t, pair, '/jobs/s-1/control')
  t.equal(who, 'blue')
  t.equal((await talk(t, pair, '/about', { 'x-stream': 's-1' })).who, 'blue')
  t.equal((await talk(t, pair, '/about', { cookie: 'stream=s-1' })).who, 'blue')
  for (const path of ['/jobs/s-2/control', '/about', '/other?stream=s-1']) {
    t.equal((await talk(t, pair, path)).who, 'green', path)
  }
  webSocket.close(1000)
  t.equal((await once(webSocket, 'close'))[0], 1000, 'it went on until it was closed')
})

/** The head of a POST by HTTP/1.1, with the first half of its body. */
async function postHalf(pair: StreamPair, length: number, head = ''): Promise<Awaited<ReturnType<typeof connectRaw>>> {
  const socket = await connectRaw(pair.edge)
  const half = Math.floor(length / 2)
  const body = '{"stream_id":"s-1",'.slice(0, half).padEnd(half)
  const fields = `host: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${head}`
  socket.write(`POST /about HTTP/1.1\r\n${fields}\r\n${body}`)
  return socket
}

t.test('while nobody drains, a body goes on as it comes', async t => {
  const pair = await startStreamPair(t)
  await begin(t, pair, 's-1')
  await postHalf(pair, 100)
  await until(() => pair.blue.bytes === 50, 'half of it is there')
})

t.test('while a slot drains, a small body is waited for, and a large one goes on as it comes', async t => {
  const pair = await divide(t)
  const small = await postHalf(pair, 100, 'expect: 100-continue\r\n')
  await readUntil(small, '100 Continue\r\n\r\n')
  await postHalf(pair, 70_000)
  await until(() => pair.green.bytes === 35_000, 'half of the large one is there')
  t.equal(slotOf(pair, 'green').inFlight, 2, 'the small one is counted')
  small.write(`"a":1}`.padEnd(50))
  t.match(await readUntil(small, '1}'), /^HTTP\/1.1 200 /)
  t.equal(pair.green.bytes, 35_000)
  t.match(pair.blue.seen.at(-1), /^POST \/about \{"stream_id":"s-1", +"a":1\} +$/)
  await until(() => slotOf(pair, 'green').inFlight === 1, 'it is counted no more')
})

t.test('who leaves while his body is waited for, or sends no more of it, is let go', async t => {
  const pair = await divide(t, { idle: '1s' })
  const leaving = await postHalf(pair, 100)
  await until(() => slotOf(pair, 'green').inFlight === 1, 'it is counted')
  leaving.destroy()
  await until(() => slotOf(pair, 'green').inFlight === 0, 'it is gone')
  for (const length of [100, 1]) {
    const silent = await postHalf(pair, length)
    t.match(await readUntil(silent, 'EDGE_BODY_TOO_SLOW'), /^HTTP\/1.1 408 /, `after half of ${length} bytes`)
  }
  t.match([slotOf(pair, 'green').inFlight, pair.green.seen], [0, []])
  const late = pair.edge.lines.filter(({ code }) => code === 'EDGE_BODY_TOO_SLOW').map(({ detail }) => detail)
  t.same(late, ['nothing for 1 s', 'nothing for 1 s'], 'by the silence that its route bears')
})

t.test('whoever left his stream finds it again, and the drain waits for him', async t => {
  const pair = await divide(t)
  pair.stream.leave()
  await until(() => pair.blue.carrying('s-1') === 0, 'blue has heard it')
  t.match(slotOf(pair, 'blue'), { inFlight: 0, owned: 1, drain: { isDone: false } })
  const again = ask(t, pair.edge, 'h1', { path: '/subscribe', ...json({ stream_id: 's-1' }) })
  await until(() => slotOf(pair, 'blue').streams === 1, 'he is back')
  t.match(slotOf(pair, 'blue'), { inFlight: 1, streams: 1, owned: 1, drain: { isDone: false } })
  pair.blue.end('s-1')
  t.match(await again, { isComplete: true, body: /^: blue/ })
  await until(() => isDone(pair), 'then it is done')
  t.equal(slotOf(pair, 'blue').drain?.cut, 0)
})

t.test('at the deadline the streams are cut, and the drain is over: nobody is waited for', async t => {
  const pair = await divide(t)
  pair.edge.edge.slots.drain({ upstream: 'web', slot: 'blue', withinMs: 0, graceMs: 0 })
  t.match(slotOf(pair, 'blue'), { owned: 0, drain: { cut: 1, isDone: true } })
  t.notOk((await pair.stream.ended).isComplete)
  t.equal(await whoAnswers(t, pair, 'h1', places.header!('s-1')), 'green')
})

t.test('a promote back and forth keeps the streams where they run', async t => {
  const pair = await divide(t)
  await begin(t, pair, 's-2')
  await promote(pair, 'blue')
  t.equal(await whoAnswers(t, pair, 'h1', places.header!('s-2')), 'green', 'the other way round')
  t.equal(await whoAnswers(t, pair, 'h1', places.header!('s-1')), 'blue')
  await promote(pair, 'green')
  t.equal(await whoAnswers(t, pair, 'h2', places.body!('s-1')), 'blue')
  t.equal(await whoAnswers(t, pair, 'h2', places.body!('s-2')), 'green')
})

t.test('an owner that is gone is sent nothing: its requests go to the slot that serves, whole and once', async t => {
  const pair = await divide(t)
  pair.stream.leave()
  await until(() => pair.blue.carrying('s-1') === 0, 'blue has heard it')
  pair.blue.close()
  const asked = places.body!('s-1')
  t.equal((await ask(t, pair.edge, 'h1', asked)).body, `green ${asked.body}`)
  const upload = { path: '/about', method: 'POST', body: 'x'.repeat(300_000), headers: ['x-stream', 's-1'] }
  for (const protocol of protocols) {
    t.equal((await ask(t, pair.edge, protocol, upload)).body, `green ${upload.body}`, `${protocol}: not looked at`)
  }
  t.equal(await whoAnswers(t, pair, 'h2', places.path!('s-1')), 'green')
  t.equal(pair.green.seen.length, 4)
  t.match([slotOf(pair, 'blue').inFlight, slotOf(pair, 'green').inFlight], [0, 0])
  t.match(await pair.edge.line(({ path }) => path === '/jobs/s-1/events'), { slot: 'green', status: 200 })
})

t.test('what an owner that dies may have taken is not sent twice', async t => {
  const pair = await divide(t)
  const half = await postHalf(pair, 200_000, 'x-stream: s-1\r\n')
  await until(() => pair.blue.bytes === 100_000, 'half of it is there')
  pair.blue.close()
  t.match(await readUntil(half, 'EDGE_UPSTREAM_CLOSED'), /^HTTP\/1.1 502 /)
  t.same(pair.green.seen, [])
})

t.test('events are asked for as they are; what comes compressed all the same is not looked into', async t => {
  const pair = await startStreamPair(t)
  const coded = ask(t, pair.edge, 'h1', { path: '/stream?coded&id=s-0', headers: ['accept-encoding', 'gzip'] })
  await until(() => pair.blue.carrying('s-0') === 1, 'it is answered')
  t.equal(pair.blue.heads.at(-1)?.['accept-encoding'], 'identity')
  await begin(t, pair, 's-1')
  t.equal(slotOf(pair, 'blue').owned, 1)
  pair.blue.end('s-0')
  await coded
})
