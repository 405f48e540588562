import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Deadlines } from '../../../proxy/deadlines.ts'
import type { UpstreamConnection } from '../../../proxy/upstream/connection.ts'
import { type Connector, connectorTo } from '../../../proxy/upstream/connector.ts'
import { Pool } from '../../../proxy/upstream/pool.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

/** A pool whose sockets are in the test's hands, as lines to the peer are in the link's. */
function poolOn(t: Test, origin: string, isWarm: boolean): { pool: Pool; sockets: Socket[] } {
  const to = connectorTo(origin, 5_000)
  const sockets: Socket[] = []
  const connector: Connector = {
    ...to,
    isWarm,
    connect(onRead) {
      const socket = to.connect(onRead)
      sockets.push(socket)
      return socket
    }
  }
  const pool = new Pool(connector, 60_000, 0, new Deadlines())
  t.teardown(() => pool.close())
  return { pool, sockets }
}

/** @returns 'answered', or whether what failed may be asked again */
function send(connection: UpstreamConnection): Promise<'answered' | boolean> {
  const { promise, resolve } = Promise.withResolvers<'answered' | boolean>()
  connection.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n', 'GET', false, {
    onInform() {},
    onHead() {},
    onBodyData() {},
    onBodyEnd() {},
    onUpgrade() {},
    onReadEnd: () => resolve('answered'),
    onWritable() {},
    onFailure: (_error, isUnanswered) => resolve(isUnanswered)
  })
  connection.endRequest([])
  return promise
}

t.test(
  'what fails on a line that was open before may be asked again; on a connection of its own it may not',
  async t => {
    const upstream = await startRawUpstream(t, socket => socket.destroy())
    for (const isWarm of [true, false]) {
      t.equal(await send(poolOn(t, upstream.origin, isWarm).pool.take()), isWarm)
    }
  }
)

t.test('a line that has lost its wire is not kept for the next request; one that answers one goes on', async t => {
  const upstream = await startRawUpstream(t, () => {})
  const { pool, sockets } = poolOn(t, upstream.origin, true)
  const answer = (socket: number) => upstream.connections[socket]!.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  const first = send(pool.take())
  await upstream.seen('\r\n\r\n')
  sockets[0]!.emit('away')
  answer(0)
  t.equal(await first, 'answered')
  t.equal(pool.open, 1)
  sockets[0]!.emit('away')
  t.equal(pool.open, 0)
})
