import fc from 'fast-check'
import t from 'tap'
import { EventKeyReader, keyOf } from '../../../../proxy/forward/owner/event-key.ts'

function readAll(
  bytes: Uint8Array,
  size: number,
  member = 'stream_id'
): { key: string | null; reader: EventKeyReader } {
  const reader = new EventKeyReader(member)
  for (let at = 0; at < bytes.length; at += size) {
    const key = reader.read(bytes.subarray(at, at + size))
    if (key !== null) return { key, reader }
  }
  return { key: null, reader }
}

t.test('a key is found wherever its event is split, whatever ends its lines', async () => {
  const noise = fc.constantFrom(
    ': a comment',
    'event: token',
    'id: 7',
    'retry: 10',
    'data',
    'data: [1]',
    'data: {"a":1}'
  )
  const end = fc.constantFrom('\n', '\r', '\r\n')
  const event = fc.tuple(fc.array(noise, { maxLength: 3 }), fc.boolean())
  const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 4 }), key, end, fc.nat({ max: 400 }), (events, key, end, cut) => {
      const before = events.flatMap(([lines]) => [...lines, '']).join(end)
      const json = JSON.stringify({ seq: 1, stream_id: key, content: '表格' }).replace(',', `,${end}data: `)
      const text = `${before}${before === '' ? '' : end}data:${json}${end}${end}data: {"stream_id":"later"}${end}${end}`
      const bytes = Buffer.from(text)
      if (readAll(bytes, 1).key !== key || readAll(bytes, bytes.length).key !== key) return false
      const reader = new EventKeyReader('stream_id')
      const at = Math.min(cut, bytes.length)
      return (reader.read(bytes.subarray(0, at)) ?? reader.read(bytes.subarray(at))) === key
    })
  )
})

t.test('nothing is found before its event is whole', async t => {
  const reader = new EventKeyReader('id')
  t.equal(reader.read(Buffer.from('data: {"id":"a"}\n')), null)
  t.equal(reader.read(Buffer.from('\r\n')), 'a')
  t.equal(reader.isDone, true)
})

t.test('a stream that may begin with a byte order mark is read all the same', async t => {
  t.equal(readAll(Buffer.from('\uFEFFdata: {"id":"a"}\n\n'), 1, 'id').key, 'a')
})

t.test('after 64 KB nobody reads on', async t => {
  const event = Buffer.from('data: {"id":"late"}\n\n')
  const just = readAll(Buffer.concat([Buffer.alloc(65_536 - event.length, '\n'), event]), 1_000, 'id')
  t.equal(just.key, 'late')
  const late = readAll(Buffer.concat([Buffer.alloc(65_537 - event.length, '\n'), event]), 1_000, 'id')
  t.match([late.key, late.reader.isDone], [null, true])
})

t.test('a key is a text or a number at the top of an object, and not a long one', async t => {
  t.equal(keyOf('{"id":"a"}', 'id'), 'a')
  t.equal(keyOf('{"id":17}', 'id'), '17')
  t.equal(keyOf(`{"id":"${'x'.repeat(200)}"}`, 'id')?.length, 200)
  const none = [
    '{"id":""}',
    '{"id":null}',
    '{"id":["a"]}',
    '{"id":true}',
    '["id"]',
    '"id"',
    'null',
    '',
    '{"id":"a"',
    '{}'
  ]
  for (const json of [...none, `{"id":"${'x'.repeat(201)}"}`, `{"id":"${'表'.repeat(67)}"}`]) {
    t.equal(keyOf(json, 'id'), null, json)
  }
  for (const json of ['{}', '[]', '"abc"'])
    for (const name of ['toString', 'length', '__proto__']) t.equal(keyOf(json, name), null)
})
