import t from 'tap'
import { keyPlace, member } from '../../../../proxy/config/kinds/streams.ts'

t.test('a member is a plain name', async t => {
  for (const right of ['stream_id', 'id', 'job-id', '$id', 'streamId2']) t.equal(member.read(right), right)
  for (const wrong of ['', 'a.b', 'a b', 'a[0]', 'x'.repeat(65), '流']) t.equal(member.read(wrong), undefined, wrong)
})

t.test('a place is a part of the request and a name there', async t => {
  t.same(keyPlace.read('body:stream_id'), { part: 'body', name: 'stream_id' })
  t.same(keyPlace.read('path:4'), { part: 'path', segment: 4 })
  t.same(keyPlace.read('header:X-Stream-Id'), { part: 'header', name: 'x-stream-id' })
  t.same(keyPlace.read('cookie:Stream'), { part: 'cookie', name: 'Stream' })
  t.same(keyPlace.read('query:stream'), { part: 'query', name: 'stream' })
  const wrong = [
    '',
    'body:',
    'path:0',
    'path:01',
    'path:100',
    'path:x',
    'header:a b',
    'cookie:a=b',
    'form:x',
    'body:a.b'
  ]
  for (const text of wrong) t.equal(keyPlace.read(text), undefined, text)
})

t.test('well-known mistakes are told apart', async t => {
  const why = { stream_id: /such as body:stream_id/, 'path:0': /from path:1 on/, 'body:data.id': /deeper ones are not/ }
  for (const [text, expected] of Object.entries(why)) t.match(keyPlace.why?.(text), expected, text)
})
