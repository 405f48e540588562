import fc from 'fast-check'
import t from 'tap'
import { EdgeError } from '../../../proxy/errors.ts'
import { BodyReader } from '../../../proxy/http/body-reader.ts'
import type { Framing } from '../../../proxy/http/response-head.ts'

const runs = { numRuns: 2_000 }

interface Read {
  readonly data: string
  readonly trailers: readonly string[] | null
  readonly taken: number
  readonly code: string | null
}

/** Reads `text` in pieces that end at `cuts`, until it is done or refused. */
function read(framing: Framing, length: number, text: string, cuts: readonly number[]): Read {
  let data = ''
  let trailers: readonly string[] | null = null
  const target = {
    onBodyData: (chunk: Buffer): void => {
      data += chunk.toString('latin1')
    },
    onBodyEnd: (all: string[]): void => {
      trailers = all
    }
  }
  const reader = new BodyReader(framing, length, target, 'EDGE_BODY_MALFORMED')
  let taken = 0
  let from = 0
  try {
    for (const to of [...cuts.map(cut => cut % (text.length + 1)).sort((a, b) => a - b), text.length]) {
      if (to === from || reader.isDone) continue
      taken += reader.push(Buffer.from(text.slice(from, to), 'latin1'))
      from = to
    }
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error
    return { data, trailers, taken: -1, code: error.code }
  }
  return { data, trailers, taken, code: null }
}

const chunk = fc
  .tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.constantFrom('', ';a', ' ;a="b"', ';'))
  .map(([text, extension]) => {
    const bytes = Buffer.from(text).toString('latin1')
    return { data: bytes, wire: `${bytes.length.toString(16)}${extension}\r\n${bytes}\r\n` }
  })
const trailer = fc.constantFrom('', 'x-a: b\r\n', 'x-a: b\r\nX-C:\td \r\n', 'host: x\r\n')
const cuts = fc.array(fc.nat(400), { maxLength: 12 })

t.test('a chunked body is the same however its bytes are split', async t => {
  const isSame = fc.property(fc.array(chunk, { maxLength: 5 }), trailer, cuts, (chunks, end, at) => {
    const text = `${chunks.map(({ wire }) => wire).join('')}0\r\n${end}\r\n`
    const split = read('chunked', 0, `${text}GET /next`, at)
    t.equal(split.data, chunks.map(({ data }) => data).join(''))
    t.equal(split.taken, text.length, 'what follows is not its own')
    t.ok(split.trailers !== null && !split.trailers.includes('host'))
    return split.code === null
  })
  fc.assert(isSame, { numRuns: 500 })
})

t.test('a body of a length is the same however its bytes are split', async () => {
  const isSame = fc.property(fc.string({ minLength: 1, maxLength: 60 }), cuts, (text, at) => {
    const bytes = Buffer.from(text).toString('latin1')
    const { data, taken, code, trailers } = read('length', bytes.length, `${bytes}GET /next`, at)
    return data === bytes && taken === bytes.length && code === null && trailers?.length === 0
  })
  fc.assert(isSame, runs)
})

const noise = fc
  .array(
    fc.constantFrom(
      '0',
      '1',
      '5',
      'a',
      'F',
      ';',
      ' ',
      '\t',
      '\r',
      '\n',
      '\r\n',
      '\0',
      'x: y',
      ':',
      'hello',
      '-',
      '\xff'
    ),
    {
      maxLength: 24
    }
  )
  .map(pieces => pieces.join(''))

t.test('what is no chunked body gets the same verdict however its bytes are split', async () => {
  const isSame = fc.property(noise, cuts, (text, at) => {
    const whole = read('chunked', 0, text, [])
    const split = read('chunked', 0, text, at)
    const single = read(
      'chunked',
      0,
      text,
      Array.from({ length: text.length }, (_, i) => i)
    )
    const isEnded = (it: Read): boolean => it.trailers !== null
    return [split, single].every(
      it =>
        it.code === whole.code && isEnded(it) === isEnded(whole) && it.taken === whole.taken && it.data === whole.data
    )
  })
  fc.assert(isSame, runs)
})

t.test('a chunk that is longer than its size is told at its first byte', async t => {
  t.equal(read('chunked', 0, '5\r\nhellow', []).code, 'EDGE_BODY_MALFORMED')
  t.equal(read('chunked', 0, '5\r\nhello\r', []).code, null)
  t.equal(read('chunked', 0, '5\r\nhello\r\r', []).code, 'EDGE_BODY_MALFORMED')
})

t.test('no line of a body is waited for without a limit', async t => {
  t.equal(read('chunked', 0, `5;${'a'.repeat(300)}`, []).code, 'EDGE_BODY_MALFORMED')
  t.equal(read('chunked', 0, `0\r\n${'a'.repeat(17_000)}`, []).code, 'EDGE_BODY_MALFORMED')
  t.equal(read('chunked', 0, `0\r\n${'x: y\r\n'.repeat(4_000)}`, []).code, 'EDGE_BODY_MALFORMED')
})
