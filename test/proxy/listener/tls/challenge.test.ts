import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { Challenges } from '../../../../proxy/acme/challenges.ts'
import { Certificates } from '../../../../proxy/tls/certificates.ts'
import { tlsOptions } from '../../../../proxy/tls/listener-options.ts'
import { type HttpsWanted, type Listening, startHttps } from '../../../doubles/listening.ts'
import { Issuer, selfSigned, tlsConfig } from '../../../fixtures/certificates.ts'

const issuer = await Issuer.make(t.testdir())
const files = [await issuer.files('site', ['a.test', 'b.test'])]
const config = tlsConfig({
  domains: ['a.test', 'b.test'],
  tls: { mode: 'files', certificates: files },
  stateFolder: ''
})
const certificates = await Certificates.load(config, new Date(), message => t.fail(message))

/** As RFC 8737 §3 wants it: the digest of the key authorization in a critical extension. */
const acmeIdentifier = `1.3.6.1.5.5.7.1.31=critical,DER:0420${'ab'.repeat(32)}`
const curve = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
const made = await selfSigned(issuer.folder, 'a.test', [...curve, '-addext', acmeIdentifier])
const pair = { cert: await readFile(made.cert, 'utf8'), key: await readFile(made.key, 'utf8') }
const fingerprint = new X509Certificate(pair.cert).fingerprint256

function challengesFor(...domains: string[]): Challenges {
  const challenges = new Challenges()
  for (const domain of domains) challenges.openAlpn(domain, pair)
  return challenges
}

function start(t: Test, challenges = challengesFor('a.test'), limits: HttpsWanted['limits'] = {}): Promise<Listening> {
  return startHttps(t, { tls: handshakeMs => tlsOptions(() => certificates, handshakeMs), challenges, limits })
}

interface Seen {
  readonly fingerprint: string | undefined
  readonly alpn: string | false | null
  readonly failure: string | undefined
  readonly session: Buffer | undefined
  readonly isResumed: boolean
}

/** One handshake to its end: by the listener for an authority, by the client for a user. */
async function greet({ listener }: Listening, options: ConnectionOptions): Promise<Seen> {
  const client = connect({
    port: listener.port,
    host: '127.0.0.1',
    servername: 'a.test',
    rejectUnauthorized: false,
    ...options
  })
  let failure: string | undefined
  let session: Buffer | undefined
  let seen: Partial<Seen> = {}
  client.on('session', ticket => (session = ticket))
  client.on('error', error => (failure ??= (error as NodeJS.ErrnoException).code ?? error.message))
  client.on('secureConnect', () => {
    seen = { fingerprint: leafOf(client), alpn: client.alpnProtocol, isResumed: client.isSessionReused() }
    if (client.alpnProtocol !== 'acme-tls/1') client.end('GET / HTTP/1.0\r\nHost: a.test\r\n\r\n')
  })
  client.resume()
  await once(client, 'close').catch(() => {})
  return { fingerprint: undefined, alpn: null, isResumed: false, ...seen, failure, session }
}

function leafOf(client: TLSSocket): string | undefined {
  return client.getPeerX509Certificate()?.fingerprint256
}

const authority = { ALPNProtocols: ['acme-tls/1'] }
const user = { ALPNProtocols: ['http/1.1'], ca: issuer.root.cert, rejectUnauthorized: true }

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const range = { minVersion: version, maxVersion: version }

  t.test(
    `over ${version}, an authority sees its challenge and users of the same name the site, at the same time`,
    async t => {
      const listening = await start(t)
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, i) => greet(listening, { ...range, ...(i % 2 === 0 ? authority : user) }))
      )
      for (const [i, seen] of all.entries()) {
        t.equal(seen.failure, undefined)
        t.equal(seen.alpn, i % 2 === 0 ? 'acme-tls/1' : 'http/1.1')
        t.equal(seen.fingerprint === fingerprint, i % 2 === 0)
      }
      t.ok(await isEmpty(listening))
    }
  )

  t.test(`over ${version}, what an authority was shown opens no session`, async t => {
    const listening = await start(t)
    const first = await greet(listening, { ...range, ...authority })
    t.equal(first.failure, undefined)
    const again = await greet(listening, { ...range, ...user, rejectUnauthorized: false, session: first.session })
    t.match(again, { isResumed: false, alpn: 'http/1.1' })
    const back = await greet(listening, { ...range, ...authority, session: again.session })
    t.match(back, { isResumed: false, fingerprint })
  })

  t.test(`over ${version}, openssl sees it, and is hung up on`, async t => {
    const { listener } = await start(t)
    const flag = version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3'
    const at = ['-connect', `127.0.0.1:${listener.port}`, '-servername', 'a.test', '-alpn', 'acme-tls/1']
    // Its input stays open: only the edge can end this.
    const client = spawn('openssl', ['s_client', flag, ...at], { stdio: ['pipe', 'pipe', 'ignore'] })
    let out = ''
    client.stdout.on('data', chunk => {
      out += chunk
    })
    t.strictSame(await once(client, 'close'), [0, null], 'the handshake was complete')
    t.match(out, /ALPN protocol: acme-tls\/1/)
    t.match(out, /subject=CN = a\.test/)
  })
}

t.test('acme-tls/1 is spoken for the names that have a challenge, while they have it', async t => {
  const challenges = challengesFor('a.test')
  const listening = await start(t, challenges)
  const other = await greet(listening, { ...authority, servername: 'b.test' })
  t.match(other, { failure: /NO_APPLICATION_PROTOCOL/, fingerprint: undefined })
  t.match(await greet(listening, { ...authority, servername: 'A.TEST' }), { failure: undefined, fingerprint })
  const users = await greet(listening, { ALPNProtocols: ['h2', 'http/1.1'], servername: 'b.test' })
  t.match(users, { failure: undefined, alpn: 'h2' })
  challenges.closeAll()
  t.match(await greet(listening, authority), { failure: /NO_APPLICATION_PROTOCOL/, fingerprint: undefined })
})

/** Sends the first chunk, which is the ClientHello, in its own way. */
type SendHello = (to: Socket, hello: Buffer) => Promise<void>

/** Byte after byte, each in a packet of its own. */
const dripping: SendHello = async (to, hello) => {
  for (const byte of hello) {
    await new Promise(resolve => to.write(Buffer.of(byte), resolve))
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** In pieces of which none is a ClientHello that is large. */
const strolling: SendHello = async (to, hello) => {
  for (let at = 0; at < hello.length; at += 1_000) {
    await new Promise(resolve => to.write(hello.subarray(at, at + 1_000), resolve))
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

/** And says nothing after it. */
const falling: SendHello = async (to, hello) => {
  to.write(hello)
  await new Promise(() => {})
}

/** One record made many. */
const recutting: SendHello = async (to, hello) => {
  const message = hello.subarray(5)
  for (let at = 0; at < message.length; at += 40) {
    const part = message.subarray(at, at + 40)
    to.write(Buffer.concat([Buffer.of(22, 3, 1, 0, part.length), part]))
  }
}

/** A way to the listener on which hellos travel so. @returns its port */
async function relay(t: Test, { listener }: Listening, send: SendHello): Promise<number> {
  const server = createServer(async client => {
    const to = connectTcp(listener.port, '127.0.0.1').setNoDelay()
    for (const socket of [client, to]) socket.on('error', () => client.destroy())
    to.pipe(client)
    const [hello] = (await once(client, 'data')) as [Buffer]
    client.pause()
    await send(to, hello)
    client.pipe(to)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

for (const [how, send] of Object.entries({ 'byte by byte': dripping, 'in many records': recutting })) {
  t.test(`a hello that comes ${how} is understood, an authority's and a user's`, async t => {
    const listening = await start(t)
    const port = await relay(t, listening, send)
    t.match(await greet(listening, { ...authority, port }), { failure: undefined, fingerprint })
    t.match(await greet(listening, { ...user, port }), { failure: undefined, alpn: 'http/1.1' })
  })
}

t.test("a hello too large to be waited for is taken for a user's", async t => {
  const listening = await start(t)
  const port = await relay(t, listening, strolling)
  const many = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(200, 'x'))
  t.match(await greet(listening, { port, ALPNProtocols: [...many, 'h2'] }), { failure: undefined, alpn: 'h2' })
  const asked = await greet(listening, { port, ALPNProtocols: [...many, 'acme-tls/1'] })
  t.match(asked, { failure: /NO_APPLICATION_PROTOCOL/, fingerprint: undefined })
})

/** Resolves once the listener, too, knows that its connections are closed. */
async function isEmpty({ admission }: Listening): Promise<true> {
  while (admission.open > 0) await new Promise(resolve => setImmediate(resolve))
  return true
}

/** A TCP connection that says `bytes`, and what it was told until it was closed. */
function say({ listener }: Listening, bytes: Buffer | string): { socket: Socket; told: Promise<string> } {
  const socket = connectTcp(listener.port, '127.0.0.1')
  const { promise: told, resolve } = Promise.withResolvers<string>()
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.on('close', () => resolve(text))
  socket.write(bytes)
  return { socket, told }
}

const begun = Buffer.from([22, 3, 1, 2, 0, 1, 0])

t.test('plain HTTP is told so in words, and noise is closed, while a challenge is open too', async t => {
  const listening = await start(t)
  const plain = say(listening, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  t.match(await plain.told, /^HTTP\/1\.1 400 Bad Request\r\n.*EDGE_PLAIN_HTTP/s)
  await say(listening, Buffer.alloc(100, 0xff)).told
  t.ok(await isEmpty(listening))
})

t.test('a hello that does not end in time is cut, and one that is never begun as well', async t => {
  const listening = await start(t, challengesFor('a.test'), { headMs: 50 })
  const began = performance.now()
  await Promise.all([say(listening, begun).told, say(listening, '').told])
  t.ok(performance.now() - began < 5_000)
  t.ok(await isEmpty(listening))
})

t.test('an authority that falls silent after its hello is cut as any client is', async t => {
  const listening = await start(t, challengesFor('a.test'), { headMs: 50 })
  const port = await relay(t, listening, falling)
  // Over TLS 1.3 it believes that all is done.
  await greet(listening, { ...authority, port })
  t.ok(await isEmpty(listening))
})

t.test("a user's time for its hello ends with its hello", async t => {
  const listening = await start(t, challengesFor('a.test'), { headMs: 50 })
  const client = connect({ ...user, servername: 'a.test', port: listening.listener.port, host: '127.0.0.1' })
  await once(client, 'secureConnect')
  await say(listening, begun).told // began later, and its time is over
  client.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
  const [answer] = await once(client, 'data')
  t.match(`${answer}`, /^HTTP\/1\.1 200 /)
  client.destroy()
})

t.test('what is in the middle of its hello counts as a connection until it is gone', async t => {
  const listening = await start(t, challengesFor('a.test'), { connections: 1 })
  const one = say(listening, begun)
  while (listening.admission.open === 0) await new Promise(resolve => setImmediate(resolve))
  const two = say(listening, begun)
  t.equal(await two.told, '')
  t.equal(listening.admission.open, 1)
  one.socket.end()
  await one.told
  t.ok(await isEmpty(listening))
  t.match(await greet(listening, user), { failure: undefined })
})

t.test('a stop does not wait for a hello', async t => {
  const listening = await start(t, challengesFor('a.test'), { headMs: 60_000 })
  const silent = say(listening, begun)
  // A whole exchange later, the listener has surely accepted the first.
  t.match(await greet(listening, user), { failure: undefined })
  await listening.listener.stop()
  t.equal(await silent.told, '')
  t.ok(await isEmpty(listening))
})

t.test('a stop leaves a user who was looked at while a challenge was open to end what is in flight', async t => {
  const listening = await start(t)
  const raw = connectTcp(listening.listener.port, '127.0.0.1')
  const client = connect({ ...user, servername: 'a.test', socket: raw })
  await once(client, 'secureConnect')
  client.write('GET / HTTP/1.1\r\nHost: a.test\r\n')
  await new Promise(resolve => client.write('X-More: 1\r\n', resolve))
  t.match(await greet(listening, user), { failure: undefined })
  const stopped = listening.listener.stop()
  let answer = ''
  client.on('data', chunk => {
    answer += chunk
  })
  client.write('\r\n')
  await once(client, 'close')
  t.match(answer, /^HTTP\/1\.1 200 .*ok$/s)
  await stopped
})
