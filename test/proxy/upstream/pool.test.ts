import t, { type Test } from 'tap'
import { Deadlines } from '../../../proxy/deadlines.ts'
import type { EdgeError } from '../../../proxy/errors.ts'
import type { ResponseHead } from '../../../proxy/http/response-head.ts'
import type { UpstreamConnection } from '../../../proxy/upstream/connection.ts'
import { connectorTo } from '../../../proxy/upstream/connector.ts'
import { Pool } from '../../../proxy/upstream/pool.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

interface World {
  readonly pool: Pool
  readonly upstream: RawUpstream
  /** Lets this much time pass, for the pool. */
  pass(ms: number): void
}

async function startWorld(t: Test, { keepAliveMs = 4_000, most = 0, answer = OK } = {}): Promise<World> {
  const upstream = await startRawUpstream(t, socket => socket.write(answer))
  let nowMs = 0
  const deadlines = new Deadlines(() => nowMs)
  const pool = new Pool(connectorTo(upstream.origin, 5_000), keepAliveMs, most, deadlines)
  t.teardown(() => pool.close())
  const pass = (ms: number): void => {
    nowMs += ms
    deadlines.tick()
  }
  return { pool, upstream, pass }
}

/** Sends a request; resolves when its answer is complete, or with the failure. */
function send(connection: UpstreamConnection, onBodyData = (): void => {}): Promise<ResponseHead | EdgeError> {
  const { promise, resolve } = Promise.withResolvers<ResponseHead | EdgeError>()
  let head: ResponseHead
  connection.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n', 'GET', false, {
    onInform() {},
    onHead(got) {
      head = got
    },
    onBodyData,
    onBodyEnd() {},
    onUpgrade() {},
    // The last call of a read: by then the connection is back, or closed.
    onReadEnd: () => resolve(head),
    onWritable() {},
    onFailure: error => resolve(error)
  })
  connection.endRequest([])
  return promise
}

t.test('a connection is used again, the one used last first', async t => {
  const { pool } = await startWorld(t)
  const [first, second] = [pool.take(), pool.take()]
  await send(first)
  await send(second)
  t.equal(pool.open, 2)
  t.equal(pool.take(), second)
  t.equal(pool.take(), first)
  t.equal(pool.open, 2)
})

t.test('a kept connection is not used once its time is up, whether or not it was closed yet', async t => {
  const { pool, upstream, pass } = await startWorld(t, { keepAliveMs: 4_000 })
  const first = pool.take()
  await send(first)
  pass(3_999)
  const again = pool.take()
  t.equal(again, first)
  await send(again)
  pass(4_000)
  t.equal(pool.open, 0, 'the deadline closed it')
  t.not(pool.take(), first)
  t.equal(upstream.connections.length, 1)
})

t.test('a connection is also too old between two ticks of the clock', async t => {
  const upstream = await startRawUpstream(t, socket => socket.write(OK))
  let nowMs = 0
  const pool = new Pool(connectorTo(upstream.origin, 5_000), 4_000, 0, new Deadlines(() => nowMs))
  t.teardown(() => pool.close())
  const first = pool.take()
  await send(first)
  nowMs = 4_000
  t.not(pool.take(), first)
})

t.test('what the upstream says of its own patience counts, less a second for its FIN to travel', async t => {
  const answer = 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=3, max=9\r\nContent-Length: 0\r\n\r\n'
  const { pool, pass } = await startWorld(t, { answer })
  const first = pool.take()
  await send(first)
  pass(1_999)
  t.equal(pool.take(), first)
  await send(first)
  pass(2_000)
  t.equal(pool.open, 0)
})

t.test('a promise of a second or less is not worth keeping a connection for', async t => {
  for (const timeout of [0, 1]) {
    const answer = `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=${timeout}\r\nContent-Length: 0\r\n\r\n`
    const { pool } = await startWorld(t, { answer })
    await send(pool.take())
    t.equal(pool.open, 0)
  }
})

const unkept: Record<string, string> = {
  'Connection: close': 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0': 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'bytes behind the answer': `${OK}x`
}
for (const [what, answer] of Object.entries(unkept)) {
  t.test(`a connection is not kept after ${what}`, async t => {
    const { pool } = await startWorld(t, { answer })
    await send(pool.take())
    t.equal(pool.open, 0)
  })
}

t.test('an HTTP/1.0 upstream that asks for it is kept', async t => {
  const { pool } = await startWorld(t, {
    answer: 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n'
  })
  await send(pool.take())
  t.equal(pool.open, 1)
})

t.test('a connection that was paused at its last byte hears, once idle, that the upstream closes it', async t => {
  const { pool, upstream } = await startWorld(t, { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' })
  const connection = pool.take()
  await send(connection, () => connection.pause())
  t.equal(pool.open, 1)
  const closed = new Promise(resolve => upstream.connections[0]!.once('close', resolve))
  upstream.connections[0]!.end()
  await closed
  t.equal(pool.open, 0)
})

t.test('at the limit nothing is opened; an idle connection makes room for a fresh one', async t => {
  const { pool } = await startWorld(t, { most: 2 })
  const [first, second] = [pool.take(), pool.take()]
  t.throws(() => pool.take(), { code: 'EDGE_UPSTREAM_BUSY' })
  t.equal(pool.open, 2)
  await send(first)
  t.equal(pool.take(), first, 'what is idle is used')
  await send(second)
  t.not(pool.takeFresh(), second)
  t.equal(pool.open, 2, 'it was closed for the fresh one')
  t.throws(() => pool.takeFresh(), { code: 'EDGE_UPSTREAM_BUSY' })
  first.destroy()
  t.doesNotThrow(() => pool.take())
})

t.test('a connection that fails or is destroyed is counted out once', async t => {
  const { pool } = await startWorld(t)
  const connection = pool.take()
  connection.destroy()
  connection.destroy()
  t.equal(pool.open, 0)
  const refused = new Pool(connectorTo('http://127.0.0.1:811', 5_000), 4_000, 0, new Deadlines())
  t.match(await send(refused.take()), { code: 'EDGE_UPSTREAM_REFUSED' })
  t.equal(refused.open, 0)
})

t.test('a closed pool keeps nothing: what is idle goes at once, the rest when it is done', async t => {
  const { pool } = await startWorld(t)
  const [idle, busy] = [pool.take(), pool.take()]
  await send(idle)
  pool.close()
  t.equal(pool.open, 1)
  t.match(await send(busy), { status: 200 }, 'what is in flight goes on')
  t.equal(pool.open, 0)
})

t.test('a connection that is not there in time is given up, by the clock', async t => {
  const { upstream, pass } = await startWorld(t)
  let nowMs = 0
  const deadlines = new Deadlines(() => nowMs)
  // TLS to what never greets: connected, but not ready.
  const pool = new Pool(connectorTo(upstream.origin.replace('http:', 'https:'), 5_000), 4_000, 0, deadlines)
  const failed = send(pool.take())
  nowMs = 4_999
  deadlines.tick()
  t.equal(pool.open, 1)
  nowMs = 5_000
  deadlines.tick()
  t.match(await failed, { code: 'EDGE_UPSTREAM_CONNECT_TIMEOUT' })
  t.equal(pool.open, 0)
  pass(0)
})
