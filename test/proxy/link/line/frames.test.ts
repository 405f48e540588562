import fc from 'fast-check'
import t from 'tap'
import {
  dataHead,
  FrameReader,
  frame,
  frameOf,
  helloOf,
  LONGEST_DATA_BYTES,
  offsetOf,
  readHello,
  takePart
} from '../../../../proxy/link/line/frames.ts'

/** What a reader makes of these pieces: data that follows data is one. */
function read(pieces: readonly Buffer[]): string[] {
  const heard: string[] = []
  let data = ''
  const tell = (what: string): void => {
    if (data !== '') heard.push(`data ${data}`)
    data = ''
    if (what !== '') heard.push(what)
  }
  const reader = new FrameReader({
    onData: chunk => {
      data += chunk.toString('hex')
    },
    onControl: (type, payload) => tell(`${type} ${payload.toString('hex')}`),
    onGarbage: () => tell('garbage')
  })
  for (const piece of pieces) reader.push(piece)
  tell('')
  return heard
}

const control = fc.constantFrom(...Object.values(frame).filter(type => type !== frame.data))
const message = fc.oneof(
  fc.tuple(control, fc.uint8Array({ maxLength: 40 })),
  fc.tuple(fc.constant(frame.data), fc.uint8Array({ maxLength: 200 }))
)

t.test('however the bytes are split, the same frames are read', async t => {
  const splits = fc.array(fc.nat(60), { maxLength: 60 })
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), splits, (messages, lengths) => {
      const whole = Buffer.concat(messages.map(([type, payload]) => frameOf(type, Buffer.from(payload))))
      const pieces: Buffer[] = []
      let at = 0
      for (const length of lengths) {
        pieces.push(whole.subarray(at, at + length))
        at += length
      }
      pieces.push(whole.subarray(at))
      t.same(read(pieces), read([whole]))
      t.same(read(Array.from(whole, byte => Buffer.of(byte))), read([whole]))
      const sent = messages.filter(([type]) => type !== frame.data)
      t.same(
        read([whole]).filter(what => !what.startsWith('data')),
        sent.map(([type, payload]) => `${type} ${Buffer.from(payload).toString('hex')}`)
      )
    })
  )
})

t.test('what is no frame is told once, and nothing after it is read', async t => {
  const late = frameOf(frame.end)
  for (const head of ['00000000', '0d000000', '47455420', '06010001', '0a001001', 'ff000000']) {
    t.same(read([Buffer.from(head, 'hex'), late, late]), ['garbage'], head)
  }
  for (const [type, length] of [
    [frame.data, LONGEST_DATA_BYTES],
    [frame.hello, 4_096]
  ] as const) {
    t.same(read([frameOf(type, Buffer.alloc(length)), late]).at(-1), '8 ', 'the longest is none')
  }
})

t.test('a frame is its type, the length of the rest, the rest', async t => {
  t.equal(frameOf(frame.ping, Buffer.from('0102', 'hex')).toString('hex'), '0a0000020102')
  t.equal(frameOf(frame.end).toString('hex'), '08000000')
  t.equal(dataHead(65_536).toString('hex'), '06010000')
  t.equal(offsetOf(2 ** 48 - 1).toString('hex'), 'ffffffffffff')
  t.equal(offsetOf(258).toString('hex'), '000000000102')
})

t.test('a part is as much as a data frame holds, and parts are the whole', async t => {
  fc.assert(
    fc.property(fc.array(fc.nat(150_000), { maxLength: 8 }), lengths => {
      const chunks = lengths.map((length, i) => Buffer.alloc(length, i + 1))
      const queue = [...chunks]
      const parts: Buffer[] = []
      for (let part = takePart(queue); part.length > 0; part = takePart(queue)) {
        const bytes = Buffer.concat(part)
        t.ok(bytes.length > 0 && bytes.length <= LONGEST_DATA_BYTES)
        if (queue.length > 0) t.equal(bytes.length, LONGEST_DATA_BYTES)
        parts.push(bytes)
      }
      t.ok(Buffer.concat(parts).equals(Buffer.concat(chunks)))
      t.equal(queue.length, 0)
    }),
    { numRuns: 30 }
  )
})

t.test('a hello says which process it is, and may say more in later releases', async t => {
  t.same(readHello(helloOf({ instance: 'a' })), { instance: 'a' })
  t.same(readHello(Buffer.from('{"instance":"a","more":[1]}')), { instance: 'a' })
  for (const none of ['', '{', '{}', 'null', '[]', '{"instance":1}', '{"instance":null}']) {
    t.equal(readHello(Buffer.from(none)), null, none)
  }
})
