import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import type { EdgeError } from '../../../../proxy/errors.ts'
import { ALPN } from '../../../../proxy/link/line/frames.ts'
import { Outgoing } from '../../../../proxy/link/outgoing.ts'
import { type Ends, startEnds } from '../../../doubles/line/ends.ts'

/** Somebody with the peer's key knocks. @returns what he is told before he is cut off, as text */
async function knock({ acceptor, keys }: Ends, how: ConnectionOptions): Promise<string> {
  const { cert, key } = keys[0].current
  const socket = connect({ host: '127.0.0.1', port: acceptor.port, cert, key, rejectUnauthorized: false, ...how })
  let told = ''
  socket.on('data', chunk => {
    told += String(chunk)
  })
  socket.on('error', () => {})
  socket.once('end', () => socket.end())
  await once(socket, 'close').catch(() => {})
  return told
}

/** Somebody with the peer's key is dialled. @returns why nothing comes of it */
async function dial(t: Test, { keys, budget, wires }: Ends, how: TlsOptions): Promise<EdgeError> {
  const { cert, key } = keys[1].current
  const server = createServer({ cert, key, requestCert: true, rejectUnauthorized: false, ...how })
  server.on('tlsClientError', () => {})
  server.on('secureConnection', socket => socket.on('error', () => {}))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const peer = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const { promise, resolve } = Promise.withResolvers<EdgeError>()
  const onState = (failure: EdgeError | null): void => {
    if (failure === null) t.fail('the link is up')
    else resolve(failure)
  }
  const outgoing = new Outgoing({ peer, keys: keys[0], wires, budget, onState })
  t.teardown(() => outgoing.stop())
  return promise
}

t.test('the right key is not enough: nothing older than TLS 1.3, at either end', async t => {
  const ends = await startEnds(t)
  t.equal(await knock(ends, { maxVersion: 'TLSv1.2', ALPNProtocols: [ALPN] }), '')
  t.match(ends.acceptor.refused, [{ code: 'LINK_PEER_REFUSED', detail: /UNSUPPORTED_PROTOCOL/ }])
  t.match(await dial(t, ends, { maxVersion: 'TLSv1.2', ALPNProtocols: [ALPN] }), {
    code: 'LINK_PEER_REFUSED',
    detail: /no handshake/
  })
})

t.test('who names no protocol is not taken for one that speaks this one, at either end', async t => {
  const ends = await startEnds(t)
  t.match(await knock(ends, {}), /LINK_VERSION/)
  t.match(ends.acceptor.refused, [{ code: 'LINK_VERSION' }])
  t.match(await dial(t, ends, {}), { code: 'LINK_VERSION', detail: /does not speak twinedge-link\// })
})
