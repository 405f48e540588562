import t from 'tap'
import { answerTo } from '../../../proxy/assets/answer.ts'
import type { Blob } from '../../../proxy/assets/store/blobs.ts'
import { unreadableHead } from '../../../proxy/http/exchange.ts'

const hash = 'a'.repeat(64)
const plain = `"${'a'.repeat(32)}"`
const br = `"${'a'.repeat(32)}-br"`
const blob: Blob = { hash, bytes: 1000, copies: new Map([['br', 300]]) }

function answer(headers: string[], { method = 'GET', path = '/x/a.js', of = blob } = {}) {
  const { headers: sent, ...rest } = answerTo({ ...unreadableHead, method, headers }, path, of)
  const get = (name: string) => sent[sent.indexOf(name) + 1]
  const has = (name: string) => sent.some((one, i) => i % 2 === 0 && one === name)
  return { ...rest, get, has }
}

t.test('a whole answer says all that a cache has to know', async t => {
  const whole = answer(['accept-encoding', 'br'])
  t.match(whole, { status: 200, coding: 'br', from: 0, bytes: 300 })
  t.equal(whole.get('etag'), br)
  t.equal(whole.get('content-encoding'), 'br')
  t.equal(whole.get('content-length'), '300')
  t.equal(whole.get('content-type'), 'application/javascript; charset=UTF-8')
  t.equal(whole.get('cache-control'), 'public, max-age=31536000, immutable')
  t.equal(whole.get('vary'), 'accept-encoding')
  t.notOk(whole.has('accept-ranges'), 'ranges are of the file as it came')
  const identity = answer([])
  t.same(
    [identity.get('etag'), identity.get('accept-ranges'), identity.has('content-encoding')],
    [plain, 'bytes', false]
  )
})

t.test('a HEAD is answered as a GET, without the body', async t => {
  const head = answer(['accept-encoding', 'br', 'range', 'bytes=0-1'], { method: 'HEAD' })
  t.match(head, { status: 200, coding: 'br', bytes: 0 })
  t.equal(head.get('content-length'), '300')
})

t.test('a picture is never sent compressed, and does not vary', async t => {
  const picture = answer(['accept-encoding', 'br'], { path: '/x/a.png' })
  t.match(picture, { status: 200, coding: null, bytes: 1000 })
  t.equal(picture.get('content-type'), 'image/png')
  t.notOk(picture.has('vary'))
  t.equal(answer([], { path: '/x/a.strange' }).get('content-type'), 'application/octet-stream')
})

t.test('who has this very copy is told so', async t => {
  for (const [tag, accepted, status] of [
    [br, 'br', 304],
    [`"x", W/${br}`, 'br', 304],
    ['*', 'br', 304],
    [plain, 'br', 200],
    [br, 'gzip', 200],
    [plain, 'gzip', 304],
    ['"other"', 'br', 200]
  ] as const) {
    const it = answer(['if-none-match', tag, 'accept-encoding', accepted])
    t.equal(it.status, status, `${tag} ${accepted}`)
    t.equal(it.bytes === 0, status === 304)
    t.ok(it.has('etag') && it.has('cache-control') && it.has('vary'))
    t.equal(it.has('content-type'), status === 200)
  }
  t.equal(answer(['if-none-match', '"x"', 'if-none-match', plain]).status, 304, 'two lines are one list')
})

t.test('who wants another copy than this is told so', async t => {
  t.equal(answer(['if-match', plain]).status, 200)
  t.equal(answer(['if-match', '"other"']).status, 412)
  t.equal(answer(['if-match', `W/${plain}`]).status, 412, 'weakly the same is not the same')
  t.equal(answer(['if-match', '*']).status, 200)
})

/** What is asked for; from where, how many bytes, and what is said of it. */
const ranges: readonly (readonly [string, 200 | 206 | 416, number?, number?])[] = [
  ['bytes=0-0', 206, 0, 1],
  ['bytes=0-', 206, 0, 1000],
  ['bytes=500-', 206, 500, 500],
  ['bytes=999-999', 206, 999, 1],
  ['bytes=10-5000', 206, 10, 990],
  ['bytes=-1', 206, 999, 1],
  ['bytes=-5000', 206, 0, 1000],
  ['Bytes = 1-2', 206, 1, 2],
  ['bytes=1000-', 416],
  ['bytes=-0', 416],
  ['bytes=5-2', 200],
  ['bytes=-', 200],
  ['bytes=0-1,5-6', 200],
  ['bytes=a-b', 200],
  ['lines=0-1', 200]
]

t.test('a single range is answered with that part of the file as it came', async t => {
  for (const [range, status, from = 0, bytes = 0] of ranges) {
    const it = answer(['range', range, 'accept-encoding', 'br'])
    t.equal(it.status, status, range)
    if (status === 200) t.match(it, { coding: 'br', bytes: 300 }, range)
    if (status === 416) t.same([it.get('content-range'), it.bytes, it.get('content-length')], ['bytes */1000', 0, '0'])
    if (status !== 206) continue
    t.match(it, { coding: null, from, bytes }, range)
    t.equal(it.get('content-range'), `bytes ${from}-${from + bytes - 1}/1000`)
    t.same([it.get('content-length'), it.get('etag')], [String(bytes), plain])
  }
})

t.test('a download is gone on with only if it is of the same copy', async t => {
  const range = ['range', 'bytes=1-2']
  t.equal(answer([...range, 'if-range', plain]).status, 206)
  for (const tag of [br, '"other"', `W/${plain}`, 'Sun, 06 Nov 1994 08:49:37 GMT']) {
    t.match(answer([...range, 'if-range', tag]), { status: 200, bytes: 1000 }, tag)
  }
  t.equal(answer([...range, 'if-none-match', plain]).status, 304, 'who has it all needs no part')
})
