import { request as requestH1 } from 'node:https'
import type { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { until } from '../../doubles/edge-process.ts'
import { ask, askH2, openH2, type Protocol, protocols, valuesOf } from '../../doubles/foreign-client.ts'
import { type Pair, promote, slotOf, startPair } from '../../doubles/slot-pair.ts'

const paused = { upstream: 'web', mode: 'paused', longestMs: 60_000, spreadMs: 0 } as const
const opened = { upstream: 'web', mode: 'open', longestMs: 0, spreadMs: 0 } as const
const maintenance = { upstream: 'web', mode: 'maintenance', longestMs: 0, spreadMs: 0 } as const
const UPLOAD_BYTES = 100 * 1024 * 1024

const waiting = (pair: Pair): number => slotOf(pair, 'blue').hold.waiting

/** An upload that is written as fast as it is taken. */
async function upload(
  t: Test,
  { edge }: Pair,
  protocol: Protocol
): Promise<{ sent(): number; answer: Promise<string> }> {
  const { promise: answer, resolve } = Promise.withResolvers<string>()
  let body: Writable
  if (protocol === 'h2') {
    const stream = (await openH2(t, edge)).request({ ':method': 'POST', ':path': '/upload', ':authority': 'localhost' })
    let text = ''
    stream.on('data', chunk => (text += chunk)).on('end', () => resolve(text))
    body = stream
  } else {
    const target = {
      host: '127.0.0.1',
      port: edge.httpsPort,
      ca: edge.ca,
      servername: 'localhost',
      agent: false
    } as const
    body = requestH1({ ...target, method: 'POST', path: '/upload', headers: { host: 'localhost' } }, async response => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve(text)
    })
  }
  const piece = Buffer.alloc(64 * 1024, 'u')
  let sent = 0
  const write = (): void => {
    while (sent < UPLOAD_BYTES) {
      sent += piece.length
      if (!body.write(piece)) return void body.once('drain', write)
    }
    body.end()
  }
  write()
  return { sent: () => sent, answer }
}

t.test('paused requests wait and arrive in order, at the slot that serves by then', async t => {
  const pair = await startPair(t)
  t.same(pair.edge.edge.slots.hold(paused), { mode: 'paused', waiting: 0 })
  const session = await openH2(t, pair.edge)
  const answers = []
  for (let i = 0; i < 6; i++) {
    const path = `/${i}`
    answers.push(i % 2 === 0 ? ask(t, pair.edge, 'h1', { path }) : askH2(session, { path }))
    await until(() => waiting(pair) === i + 1, `${i + 1} wait`)
  }
  t.match(pair.edge.edge.status(), { inFlight: 0 })
  await promote(pair, 'green')
  t.same([pair.blue.seen, pair.green.seen], [[], []])
  pair.edge.edge.slots.hold(opened)
  t.same(
    (await Promise.all(answers)).map(({ status, body }) => [status, body]),
    Array.from({ length: 6 }, () => [200, 'green'])
  )
  t.same(pair.green.seen, ['GET /0', 'GET /1', 'GET /2', 'GET /3', 'GET /4', 'GET /5'])
})

for (const protocol of protocols) {
  t.test(`${protocol}: an upload of 100 MB waits where it is, and then arrives whole`, async t => {
    const pair = await startPair(t)
    pair.edge.edge.slots.hold(paused)
    const { sent, answer } = await upload(t, pair, protocol)
    await until(() => waiting(pair) === 1, 'it waits')
    let before = -1
    await until(async () => {
      const isStill = before === sent()
      before = sent()
      await new Promise(resolve => setTimeout(resolve, 100))
      return isStill
    }, 'no more of it is taken')
    t.ok(sent() < UPLOAD_BYTES / 4, `${sent()} bytes are on their way`)
    t.equal(pair.blue.bytes, 0)
    pair.edge.edge.slots.hold(opened)
    t.equal(await answer, 'blue')
    t.equal(pair.blue.bytes, UPLOAD_BYTES)
  })

  t.test(`${protocol}: a client that leaves while it waits is forgotten`, async t => {
    const pair = await startPair(t)
    pair.edge.edge.slots.hold(paused)
    const session = await openH2(t, pair.edge)
    const target = { host: '127.0.0.1', port: pair.edge.httpsPort, ca: pair.edge.ca, servername: 'localhost' } as const
    const leaver =
      protocol === 'h2'
        ? session.request({ ':path': '/left', ':authority': 'localhost' })
        : requestH1({ ...target, path: '/left', agent: false, headers: { host: 'localhost' } }).end()
    leaver.on('error', () => {})
    await until(() => waiting(pair) === 1, 'it waits')
    leaver.destroy()
    await until(() => waiting(pair) === 0, 'it waits no more')
    t.match(await pair.edge.line(({ path }) => path === '/left'), { code: 'EDGE_CLIENT_CLOSED', status: 499 })
    pair.edge.edge.slots.hold(opened)
    t.equal((await ask(t, pair.edge, protocol)).body, 'blue')
    t.same(pair.blue.seen, ['GET /'])
    t.match(slotOf(pair, 'blue').tally, { requests: 2, failed: 0 })
  })
}

t.test('a pause ends by itself, and who waited is served', async t => {
  const pair = await startPair(t)
  pair.edge.edge.slots.hold({ ...paused, longestMs: 500 })
  const began = performance.now()
  t.match(await ask(t, pair.edge, 'h1'), { status: 200, body: 'blue' })
  t.ok(performance.now() - began > 300)
  t.same(slotOf(pair, 'blue').hold, { mode: 'open', waiting: 0 })
  t.match(await pair.edge.line(({ message }) => message === 'the pause was over: requests go on'), {
    level: 'warn',
    upstream: 'web'
  })
  t.ok(slotOf(pair, 'blue').tally.longestMs > 300, 'the wait is part of what its client saw')
})

t.test('who waited is not turned away because the upstream was down during the pause', async t => {
  const pair = await startPair(t)
  // A slot that is down is looked at again after a second: nobody may wait for that.
  pair.edge.setYaml(pair.yaml().replace('every: 50ms, timeout: 1s, fails: 2', 'every: 1s, fails: 1'))
  await pair.edge.edge.reload()
  pair.edge.edge.slots.hold(paused)
  pair.blue.health.status = 500
  await until(() => slotOf(pair, 'blue').health === 'down', 'it is down')
  const waits = ask(t, pair.edge, 'h1')
  await until(() => waiting(pair) === 1, 'it waits')
  pair.blue.health.status = 200
  pair.edge.edge.slots.hold(opened)
  t.match(await waits, { status: 200, body: 'blue' })
})

t.test('streams that are open go on through a pause; a reload does not end it', async t => {
  const pair = await startPair(t)
  let text = ''
  void ask(t, pair.edge, 'h1', { path: '/events', onData: piece => (text += piece) })
  await until(() => text !== '', 'the stream has begun')
  pair.edge.edge.slots.hold(paused)
  const waits = ask(t, pair.edge, 'h2')
  await until(() => waiting(pair) === 1, 'it waits')
  pair.edge.setYaml(pair.yaml(', keep-alive: 2s'))
  await pair.edge.edge.reload()
  const { length } = text
  await until(() => text.length > length + 100, 'it goes on')
  t.same(slotOf(pair, 'blue').hold, { mode: 'paused', waiting: 1 })
  pair.edge.edge.slots.hold(opened)
  t.equal((await waits).body, 'blue')
})

for (const protocol of protocols) {
  t.test(`${protocol}: maintenance is told at once, to those who wait too, with when to come back`, async t => {
    const pair = await startPair(t)
    pair.edge.edge.slots.hold(paused)
    const waited = ask(t, pair.edge, protocol)
    await until(() => waiting(pair) === 1, 'it waits')
    t.same(pair.edge.edge.slots.hold(maintenance), { mode: 'maintenance', waiting: 0 })
    const page = await ask(t, pair.edge, protocol, { headers: ['accept', 'text/html'] })
    for (const { status, headers, body } of [await waited, page]) {
      t.equal(status, 503)
      t.match(body, 'EDGE_MAINTENANCE')
      t.same(valuesOf(headers, 'retry-after'), ['30'])
    }
    t.match(page.body, '<!doctype html>')
    t.same(pair.blue.seen, [])
    t.match(slotOf(pair, 'blue'), { health: 'up' }, 'its health goes on being checked')
    pair.edge.edge.slots.hold(opened)
    t.equal((await ask(t, pair.edge, protocol)).body, 'blue')
  })
}

t.test(
  'who waits for an upstream that a reload takes away goes on, and nobody looks at its health any more',
  async t => {
    const pair = await startPair(t)
    pair.edge.edge.slots.hold({ ...paused, longestMs: 600 })
    const waits = ask(t, pair.edge, 'h1')
    await until(() => waiting(pair) === 1, 'it waits')
    const began = performance.now()
    pair.edge.setYaml(
      pair
        .yaml()
        .replaceAll('web', 'site')
        .replace(/, health: {[^}]*}/, '')
    )
    await pair.edge.edge.reload()
    t.match(await waits, { status: 200, body: 'blue' })
    t.ok(performance.now() - began < 500, 'by its old name nobody could have ended the pause')
    await until(() => performance.now() - began > 1_000, 'the pause would be over')
    const probes = pair.blue.probes()
    await new Promise(resolve => setTimeout(resolve, 300)) // six probes
    t.equal(pair.blue.probes(), probes)
  }
)

t.test('an edge that stops does not wait for those who wait', async t => {
  const pair = await startPair(t)
  pair.edge.edge.slots.hold(paused)
  const waits = ask(t, pair.edge, 'h1')
  await until(() => waiting(pair) === 1, 'it waits')
  t.equal(await pair.edge.edge.stop(), 1)
  t.match(await waits, { status: 503, body: /EDGE_STOPPING/ })
})
