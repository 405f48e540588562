import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { LimitsConfig } from '../../../proxy/config/config.ts'
import { Admission } from '../../../proxy/listener/admission.ts'
import type { ClientConnection } from '../../../proxy/listener/context.ts'
import { Listener, plainAddress } from '../../../proxy/listener/listener.ts'

/** A listener whose connections the test ends as it likes. */
async function listen(t: Test, most = 10) {
  const limits = { connections: most, connectionsPerAddress: most }
  const admission = new Admission(
    () => limits as LimitsConfig,
    () => false
  )
  const accepted: Socket[] = []
  const waiting: ((socket: Socket) => void)[] = []
  const listener = new Listener({ host: '127.0.0.1', port: 0 }, admission, socket => {
    accepted.push(socket)
    waiting.shift()?.(socket)
  })
  await listener.start()
  t.teardown(() => {
    for (const socket of accepted) socket.destroy()
    return listener.stop().catch(() => {})
  })
  const client = async (): Promise<Socket> => {
    const socket = connect(listener.port, '127.0.0.1')
    socket.on('error', () => {}).resume()
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  const next = (): Promise<Socket> => new Promise(resolve => waiting.push(resolve))
  return { listener, admission, client, next }
}

function connection(socket: Socket): ClientConnection & { finished: number } {
  const held = { finished: 0, finish: () => void held.finished++, destroy: () => void socket.destroy() }
  return held
}

t.test('a stop closes the port, tells every connection to finish, and ends with the last of them', async t => {
  const { listener, client, next } = await listen(t)
  const arrived = next()
  await client()
  const socket = await arrived
  const held = connection(socket)
  listener.hold(held, socket)
  const stopped = listener.stop()
  t.equal(held.finished, 1)
  await t.rejects(client(), { code: 'ECONNREFUSED' })
  t.equal(await Promise.race([stopped.then(() => 'over'), 'open']), 'open')
  socket.end()
  await stopped
})

t.test('a connection whose handshake ends after the stop is told to finish as well', async t => {
  const { listener, client, next } = await listen(t)
  const arrived = next()
  await client()
  const socket = await arrived
  void listener.stop()
  const held = connection(socket)
  listener.hold(held, socket)
  t.equal(held.finished, 1)
})

t.test('the end of the grace time cuts what is held and what is still in its handshake, and counts them', async t => {
  const { listener, client, next } = await listen(t)
  const first = next()
  await client()
  const socket = await first
  listener.hold(connection(socket), socket)
  const second = next()
  await client()
  await second
  const stopped = listener.stop()
  listener.destroyAll()
  await stopped
})

t.test('a connection over the limit is reset before anything is read, and a closed one makes room', async t => {
  const { admission, client, next } = await listen(t, 1)
  const arrived = next()
  const one = await client()
  const socket = await arrived
  const two = connect((socket.address() as { port: number }).port, '127.0.0.1')
  two.on('error', () => {})
  await new Promise(resolve => two.once('close', resolve))
  t.equal(admission.open, 1)
  one.destroy()
  await once(socket, 'close')
  t.equal(admission.open, 0)
})

t.test('a port that cannot be had says why', async t => {
  const { admission } = await listen(t)
  const open = (host: string, port: number): Promise<void> => new Listener({ host, port }, admission, () => {}).start()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  await t.rejects(open('127.0.0.1', port), { code: 'EDGE_PORT_TAKEN', detail: `127.0.0.1:${port} is in use` })
  await t.rejects(open('2001:db8::1', 443), { code: 'EDGE_ADDRESS_MISSING', detail: /^\[2001:db8::1\]:443: / })
})

t.test('an IPv4 address in IPv6 clothes is an IPv4 address', async t => {
  t.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(plainAddress('::ffff:1'), '::ffff:1')
  t.equal(plainAddress('2001:db8::1'), '2001:db8::1')
  t.equal(plainAddress(undefined), '')
})
