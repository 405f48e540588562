import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { EdgeError } from '../../../proxy/errors.ts'
import { toUpstream } from '../../../proxy/forward/headers.ts'
import { type ParsedRequest, parseRequestHead } from '../../../proxy/http/request-head.ts'

const provenance = {
  requestId: 'id-0001',
  realAddress: '192.0.2.1',
  forwardedFor: '192.0.2.1',
  proto: 'https',
  forwardedHost: 'localhost',
  isTrusted: false
}
const shape = { isUpgrade: false, wantsIdentity: false }

/** @returns null when it is refused; anything thrown but an EdgeError is a fault */
function parse(text: string): ParsedRequest | null {
  try {
    return parseRequestHead(text)
  } catch (error) {
    if (error instanceof EdgeError && error.status >= 400 && error.status < 600) return null
    throw error
  }
}

const often = <T>(usual: T, ...rare: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...rare) })
const methods = fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'QUERY', 'get', 'G ET', '')
const targets = fc.constantFrom(
  '/',
  '/a?b=c',
  '//x',
  '/%2e/\xe4',
  '/a"<>',
  '/a b',
  '/a#b',
  '*',
  'http://localhost/x',
  'http://evil/',
  ''
)
const values = fc.constantFrom(
  '',
  'a',
  'a,b',
  '\xe4\xbd\xa0',
  'a\tb',
  'a\rb',
  'a\nb',
  'a\0',
  ' a ',
  '5',
  'chunked',
  'close',
  'keep-alive'
)
const names = fc.constantFrom(
  ...['X-A', 'x-b', 'Accept', 'Cookie', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Expect', 'TE', 'Trailer'],
  ...['Upgrade', 'Keep-Alive', 'X-Forwarded-For', 'Host', 'X A', '', 'X:', 'X_B', ' X']
)
const field = fc.tuple(names, often(': ', ':', ' :', ':\t', ''), values).map(parts => parts.join(''))
const framings = fc.constantFrom(
  '',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'content-length:0',
  'Transfer-Encoding: CHUNKED'
)
const heads = fc
  .record({
    line: fc.tuple(
      methods,
      often(' ', '  ', '\t'),
      targets,
      often(' ', '  '),
      often('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'http/1.1')
    ),
    host: often('Host: localhost', 'Host: LOCALHOST:443', 'Host: a/b', '', 'Host:'),
    framing: framings,
    fields: fc.array(field, { maxLength: 4 }),
    end: often('\r\n', '\n', '\r')
  })
  .map(({ line, host, framing, fields, end }) =>
    [line.join(''), host, framing, ...fields].filter(it => it !== '').join(end)
  )

t.test('whatever is read as a head, nothing but a failure with a code is thrown', async () => {
  const isNeverWorse = fc.property(
    fc.oneof(heads, fc.string({ unit: 'binary', maxLength: 200 })),
    text => parse(text) !== undefined
  )
  fc.assert(isNeverWorse, { numRuns: 2_000 })
})

t.test('what is accepted has no byte that could end a line, and one framing', async t => {
  let accepted = 0
  const isSafe = fc.property(heads, text => {
    const head = parse(text)?.head
    if (head === undefined) return true
    accepted++
    const { headers, method, target, authority, bodyLength } = head
    const isFraming = (name: string): boolean =>
      /^(?:content-length|transfer-encoding|connection|upgrade|te|host)$/.test(name)
    return (
      ![...headers, method, target, authority].some(part => /[\r\n\0]/.test(part)) &&
      !headers.some((name, i) => i % 2 === 0 && isFraming(name)) &&
      (bodyLength === -1 || Number.isSafeInteger(bodyLength)) &&
      target.startsWith('/')
    )
  })
  fc.assert(isSafe, { numRuns: 2_000 })
  t.ok(accepted > 100, `${accepted} heads were accepted`)
})

/** What node:http, with a parser that is not ours, makes of the bytes that an upstream would get. */
async function throughNode(texts: readonly string[]): Promise<string[]> {
  const seen: string[] = []
  const server = createServer(
    { insecureHTTPParser: false, maxHeaderSize: 65_536 },
    async (request: IncomingMessage, answer) => {
      // In the order of their beginnings: short ones end before long ones.
      const at = seen.push('unread') - 1
      let body = ''
      for await (const chunk of request.setEncoding('latin1')) body += chunk
      seen[at] = [request.method, request.url, request.headers.host, body].join(' ')
      answer.end()
    }
  )
  server.on('clientError', (error, socket) => {
    seen.push(`refused: ${error.message}`)
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const ended = new Promise(resolve => socket.once('close', resolve))
  socket.on('error', () => {}).resume()
  socket.end(texts.join(''), 'latin1')
  await ended
  server.close()
  return seen
}

t.test('what goes to the upstream means the same to another parser: method, target, host and body', async t => {
  const accepted = fc
    .sample(heads, { numRuns: 6_000, seed: 20_261_122 })
    .flatMap(text => parse(text)?.head ?? [])
    // node:http knows a list of methods, takes no upgrade without a listener, and refuses bytes from 0x80 up in a target.
    .filter(head => head.method !== 'get' && !head.isWebSocketUpgrade && !/[\x80-\xff]/.test(head.target))
    .slice(0, 1_500)
  t.ok(accepted.length > 500, `${accepted.length} heads`)
  const bodies: Record<number, [wire: string, body: string]> = {
    [-1]: ['5\r\nhello\r\n0\r\n\r\n', 'hello'],
    5: ['hello', 'hello']
  }
  // All of them on one connection: where one request ends in another place than we think, every later one is wrong.
  const texts = accepted.map(head => toUpstream(head, provenance, shape) + (bodies[head.bodyLength]?.[0] ?? ''))
  const meant = accepted.map(head =>
    [head.method, head.target, head.authority, bodies[head.bodyLength]?.[1] ?? ''].join(' ')
  )
  t.same(await throughNode(texts), meant)
})

t.test('a head is read as it is written', async t => {
  const text =
    'POST /a?b HTTP/1.1\r\nHost: EXAMPLE.test:8443\r\nX-A:  b c\t\r\nConnection: X-Drop\r\nX-Drop: 1\r\nContent-Length: 7'
  t.match(parseRequestHead(text), {
    isHttp10: false,
    keepsAlive: true,
    head: {
      method: 'POST',
      target: '/a?b',
      host: 'example.test',
      authority: 'EXAMPLE.test:8443',
      headers: ['x-a', 'b c'],
      bodyLength: 7,
      expectsContinue: false,
      isWebSocketUpgrade: false
    }
  })
  t.match(parseRequestHead('GET https://LOCALHOST?q HTTP/1.1\r\nHost: localhost\r\nConnection: Close'), {
    keepsAlive: false,
    head: { target: '/?q', host: 'localhost' }
  })
})

t.test('Connection takes away what it names, but nothing that says whose request it is or where it ends', async t => {
  const kept = ['Cookie', 'Authorization', 'X-Forwarded-For', 'Content-Type', 'Sec-WebSocket-Key']
  const fields = [...kept, 'X-Drop'].map(name => `${name}: a\r\n`).join('')
  const nominated = [...kept, 'X-Drop', 'Host', 'Content-Length'].join(', ')
  const text = `POST / HTTP/1.1\r\nHost: localhost\r\n${fields}Content-Length: 5\r\nConnection: ${nominated}`
  const { head } = parseRequestHead(text)
  t.same(
    head.headers.filter((_, i) => i % 2 === 0),
    kept.map(name => name.toLowerCase())
  )
  t.same([head.host, head.bodyLength], ['localhost', 5])
})
