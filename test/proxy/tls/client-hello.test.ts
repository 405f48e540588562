import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import fc from 'fast-check'
import t from 'tap'
import { parseClientHello } from '../../../proxy/tls/client-hello.ts'

/** The first bytes that Node's own client sends. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = connect({ ...options, port, host: '127.0.0.1' })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  let bytes = Buffer.alloc(0)
  while (parseClientHello(bytes) === 'more') bytes = Buffer.concat([bytes, ...(await once(socket, 'data'))])
  client.destroy()
  socket.destroy()
  server.close()
  return bytes
}

/** The same message in other records: TLS lets a client cut it anywhere (RFC 8446 §5.1). */
function recut(hello: Buffer, sizes: readonly number[]): Buffer {
  const message = hello.subarray(5)
  const records: Buffer[] = []
  for (let at = 0, i = 0; at < message.length; i++) {
    const fragment = message.subarray(at, at + sizes[i % sizes.length]!)
    records.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 0xff]), fragment)
    at += fragment.length
  }
  return Buffer.concat(records)
}

const asked = { servername: 'a.test', ALPNProtocols: ['h2', 'http/1.1'] }
const hello = await helloOf(asked)
const expected = { serverName: 'a.test', alpn: ['h2', 'http/1.1'] }

t.test(
  'the name and the protocols of a hello are read, of either version, and what is not there is not made up',
  async t => {
    t.strictSame(parseClientHello(hello), expected)
    const old = await helloOf({ servername: 'A.test', ALPNProtocols: ['acme-tls/1'], maxVersion: 'TLSv1.2' })
    t.strictSame(parseClientHello(old), { serverName: 'A.test', alpn: ['acme-tls/1'] })
    t.strictSame(parseClientHello(await helloOf({})), { serverName: null, alpn: [] })
  }
)

t.test('a hello of many kilobytes is read', async t => {
  const ALPNProtocols = [...Array.from({ length: 60 }, (_, i) => `${i}`.padStart(200, 'x')), 'acme-tls/1']
  const large = await helloOf({ servername: 'a.test', ALPNProtocols })
  t.ok(large.length > 12_000)
  t.strictSame(parseClientHello(large), { serverName: 'a.test', alpn: ALPNProtocols })
})

t.test('until the last byte has come there is more to come', async t => {
  for (let length = 0; length < hello.length; length++) t.equal(parseClientHello(hello.subarray(0, length)), 'more')
  t.strictSame(parseClientHello(Buffer.concat([hello, Buffer.alloc(9, 0xff)])), expected, 'what follows is not read')
})

t.test('however it is cut into records, it is the same hello', async t => {
  const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(cuts, fc.nat(), (sizes, at) => {
      const bytes = recut(hello, sizes)
      t.strictSame(parseClientHello(bytes), expected)
      t.equal(parseClientHello(bytes.subarray(0, at % bytes.length)), 'more')
    })
  )
  t.strictSame(parseClientHello(recut(hello, [1])), expected)
})

t.test('what cannot become a hello is known for none at once', async t => {
  const cases: Record<string, Buffer> = {
    'plain HTTP': Buffer.from('G'),
    'SSL 2': Buffer.from([0x80, 0x2e, 1, 0, 2]),
    'another record': Buffer.from([21, 3]),
    'another version': Buffer.from([22, 2]),
    'another message': Buffer.from([22, 3, 1, 0, 10, 2]),
    'an empty record': Buffer.from([22, 3, 1, 0, 0]),
    'a record larger than any': Buffer.from([22, 3, 1, 0x40, 1]),
    'an alert in between': Buffer.concat([recut(hello, [50]).subarray(0, 55), Buffer.from([21])])
  }
  for (const [what, bytes] of Object.entries(cases)) t.equal(parseClientHello(bytes), null, what)
})

t.test('lengths that lie are no hello', async t => {
  for (const [what, from] of Object.entries({ 'a name': 'a.test', 'a protocol': 'http/1.1' })) {
    const lying = Buffer.from(hello)
    const at = lying.indexOf(from)
    lying[at - 1] = 0xff
    t.equal(parseClientHello(lying), null, what)
  }
})

t.test('a hello that ends too early is none, but one of old that has no extensions is', async t => {
  const read: ReturnType<typeof parseClientHello>[] = []
  for (let length = 0; length < hello.length - 9; length++) {
    const message = Buffer.concat([Buffer.from([1, 0, length >> 8, length & 0xff]), hello.subarray(9, 9 + length)])
    const parsed = parseClientHello(recut(Buffer.concat([Buffer.alloc(5), message]), [16_000]))
    if (parsed !== null) read.push(parsed)
  }
  t.strictSame(read, [{ serverName: null, alpn: [] }])
})

t.test('no bytes make it throw', async t => {
  const known = (bytes: Uint8Array): boolean => {
    const parsed = parseClientHello(bytes)
    return parsed === null || parsed === 'more' || Array.isArray(parsed.alpn)
  }
  const begun = fc.uint8Array({ maxLength: 300 }).map(rest => {
    const length = Math.max(rest.length, 1)
    return Buffer.concat([Buffer.from([22, 3, 1, length >> 8, length & 0xff, 1, 0, 0]), rest])
  })
  const spoilt = fc
    .array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 8 })
    .map(changes => changes.reduce((bytes, [at, value]) => bytes.fill(value, at, at + 1), Buffer.from(hello)))
  for (const bytes of [fc.uint8Array({ maxLength: 300 }), begun, spoilt]) {
    fc.assert(fc.property(bytes, known), { numRuns: 1_000 })
  }
  t.pass()
})
