import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import type { LinkKeys } from '../../../../proxy/link/keys/link-keys.ts'
import { checkPeer, failureOfDial, type Keys, secureOptions } from '../../../../proxy/link/line/secure.ts'
import { dayMs, folder, open } from './pair.ts'

/** What each of two edges says of the other after a real handshake: a fingerprint, or why not. */
async function meet(t: Test, dialer: Keys, acceptor: Keys): Promise<[string, string]> {
  const server = createServer({ ...secureOptions(acceptor), requestCert: true })
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const accepting = once(server, 'secureConnection')
  const client = connect({ ...secureOptions(dialer), host: '127.0.0.1', port })
  await once(client, 'secureConnect')
  const [accepted] = (await accepting) as [TLSSocket]
  const said = [say(client, dialer), say(accepted, acceptor)] as [string, string]
  for (const socket of [client, accepted]) socket.destroy()
  return said
}

function say(socket: TLSSocket, keys: Keys): string {
  try {
    return checkPeer(socket, keys)
  } catch (refusal) {
    return String(refusal)
  }
}

async function edge(t: Test, madeAt = new Date()): Promise<LinkKeys> {
  return await open(t, await folder(t), madeAt)
}

t.test('two edges know each other by their keys, as the one that dials and the one that is dialled', async t => {
  const [a, b] = [await edge(t), await edge(t)]
  t.match(await meet(t, a, b), [/LINK_UNPAIRED/, /LINK_UNPAIRED/])
  await a.pin(b.current.fingerprint)
  t.match(await meet(t, a, b), [b.current.fingerprint, /LINK_UNPAIRED: SHA256:.* no key is taken/])
  await b.pin(a.current.fingerprint)
  t.same(await meet(t, a, b), [b.current.fingerprint, a.current.fingerprint])
  t.same(await meet(t, b, a), [a.current.fingerprint, b.current.fingerprint])
})

t.test('a stranger, an expired key, a key from the future and our own are told apart', async t => {
  const a = await edge(t)
  const [known, expired, future] = [
    await edge(t),
    await edge(t, new Date(Date.now() - 366 * dayMs)),
    await edge(t, new Date(Date.now() + dayMs))
  ]
  for (const { current } of [known, expired, future]) await a.pin(current.fingerprint)
  for (const [peer, saying] of [
    [expired, /^EdgeError: LINK_KEY_EXPIRED: SHA256:/],
    [future, /^EdgeError: LINK_CLOCK: SHA256:/],
    [await edge(t), /^EdgeError: LINK_KEY_UNKNOWN: SHA256:.* is not the key of the peer/],
    [a, /^EdgeError: LINK_KEY_UNKNOWN: SHA256:.* is our own key/]
  ] as const) {
    t.match((await meet(t, a, peer))[0], saying)
  }
})

t.test('after a rotation new lines are made with the new key', async t => {
  const [a, b] = [await edge(t), await edge(t)]
  await a.pin(b.current.fingerprint)
  await b.pin(a.current.fingerprint)
  const [, before] = await meet(t, a, b)
  await a.beginRotation(new Date())
  await a.finishRotation(async (_method, _path, body) => {
    const [, by] = await meet(t, a, b)
    await b.takeFromPeer(body, by)
    return { status: 200 }
  })
  const [, after] = await meet(t, a, b)
  t.same([before === after, after, a.dropPending], [false, a.current.fingerprint, []])
})

t.test('why there is no connection is said in words, with what to look at', async t => {
  const cause = (code: string): Error => Object.assign(new Error(`getaddrinfo ${code}`), { code })
  const detailOf = (code: string): string => failureOfDial(cause(code), 'edge2.test:7443').detail
  t.match(detailOf('ENOTFOUND'), /^edge2\.test:7443: DNS has no address for this name: is link\.peer written right\?$/)
  t.match(detailOf('EAI_AGAIN'), /^edge2\.test:7443: DNS does not answer/)
  t.equal(
    detailOf('EHOSTUNREACH'),
    'edge2.test:7443: getaddrinfo EHOSTUNREACH',
    'what has no words of ours stays as it is'
  )
})
