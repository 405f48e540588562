import fc from 'fast-check'
import t from 'tap'
import { ResponseReader, type ResponseReceiver } from '../../../proxy/upstream/response-reader.ts'

/** What came out, event by event; adjacent pieces of a body are one. */
function read(parts: readonly Buffer[], method = 'GET'): string[] {
  const events: string[] = []
  const receiver: ResponseReceiver = {
    onInform: (status, headers) => events.push(`inform ${status} ${headers}`),
    onHead: head => events.push(`head ${head.status} ${head.headers} ${head.framing} ${head.bodyLength}`),
    onBodyData: chunk => {
      const text = chunk.toString('latin1')
      if (events.at(-1)?.startsWith('data ')) events.push(events.pop()! + text)
      else events.push(`data ${text}`)
    },
    onBodyEnd: trailers => events.push(`end ${trailers}`),
    onUpgrade: (head, rest) => events.push(`upgrade ${head.status}`, `data ${rest.toString('latin1')}`),
    onReadEnd() {},
    onWritable() {},
    onFailure() {}
  }
  const reader = new ResponseReader(method, receiver)
  let left = 0
  for (const part of parts) {
    if (!reader.isDone) left += reader.push(part)
    else left += part.length
    // As the connection does: the next read goes into the same bytes.
    part.fill('#')
  }
  if (reader.finishAtClose()) events.push('(at close)')
  return [...events, `left ${left}`]
}

/** `text` in pieces that end at `cuts`. */
function cut(text: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  const ends = [...new Set([...cuts.map(at => at % bytes.length), bytes.length])].sort((a, b) => a - b)
  return ends.map((end, i) => Buffer.from(bytes.subarray(ends[i - 1] ?? 0, end))).filter(part => part.length > 0)
}

const answers: Record<string, [text: string, events: string[], method?: string]> = {
  'a length': [
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc',
    ['head 200 content-length,3 length 3', 'data abc', 'end ', 'left 0']
  ],
  'chunks, trailers': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nX-A: 1\r\n\r\n',
    ['head 200  chunked 0', 'data abc', 'end x-a,1', 'left 0']
  ],
  'interim answers': [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    ['inform 103 link,</a>', 'head 204  none 0', 'end ', 'left 0']
  ],
  'a HEAD': [
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n',
    ['head 200 content-length,3 none 0', 'end ', 'left 0'],
    'HEAD'
  ],
  'no length': ['HTTP/1.1 200 OK\r\n\r\nabc', ['head 200  close 0', 'data abc', 'end ', '(at close)', 'left 0']]
}

for (const [what, [text, events, method]] of Object.entries(answers)) {
  t.test(`an answer with ${what} is the same however it is cut into reads`, async t => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 500 })), cuts => void t.strictSame(read(cut(text, cuts), method), events)),
      {
        numRuns: 60
      }
    )
    const bytewise = [...text].map(character => Buffer.from(character, 'latin1'))
    t.strictSame(read(bytewise, method), events, 'byte by byte')
  })
}

t.test('what comes behind an answer is counted, not read', async t => {
  t.strictSame(read([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabcd')]).at(-1), 'left 3')
  t.strictSame(read([Buffer.from('HTTP/1.1 304 X\r\n\r\nabcd')]).at(-1), 'left 4')
})

t.test('sixteen interim answers pass, a seventeenth is a flood', async t => {
  const answer = (interims: number): Buffer =>
    Buffer.from(`${'HTTP/1.1 102 \r\n\r\n'.repeat(interims)}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`)
  t.equal(read([answer(16)]).length, 16 + 3)
  t.throws(() => read([answer(17)]), { code: 'EDGE_UPSTREAM_MALFORMED' })
})

t.test('what can never become a head is refused at its first byte', async t => {
  for (const text of ['SSH-2.0', 'x', 'HTTP/2', '\r\n', 'HTTP/1.1 200 OK\n', 'HTTP/1.1 200 OK\r\nA: b\n']) {
    t.throws(() => read([Buffer.from(text)]), { code: 'EDGE_UPSTREAM_MALFORMED' }, JSON.stringify(text))
  }
  for (const text of ['H', 'HTTP/1.', 'HTTP/1.1 200 OK\r', 'HTTP/1.1 200 OK\r\nA: b\r\n']) {
    t.strictSame(read([Buffer.from(text)]), ['left 0'], JSON.stringify(text))
  }
})
