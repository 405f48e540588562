import t from 'tap'
import type { KeyPlace } from '../../../../proxy/config/config.ts'
import { hasSmallJson, keyInHead } from '../../../../proxy/forward/owner/request-key.ts'
import { type RequestHead, unreadableHead } from '../../../../proxy/http/exchange.ts'

function headOf(target: string, ...headers: string[]): RequestHead {
  return { ...unreadableHead, target, headers }
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')
const path = (segment: number): KeyPlace => ({ part: 'path', segment })
const named = (part: 'body' | 'header' | 'cookie' | 'query', name = 'id'): KeyPlace => ({ part, name })

t.test('a segment is counted from 1 and decoded', async t => {
  const head = headOf('/api/v1/jobs/a%2Fb/events?x=/y')
  t.equal(keyInHead(head, path(4)), 'a/b')
  t.equal(keyInHead(head, path(5)), 'events')
  t.equal(keyInHead(head, path(6)), null)
  t.equal(keyInHead(headOf('/%zz'), path(1)), null)
})

t.test('a parameter of the query is decoded', async t => {
  t.equal(keyInHead(headOf('/a?x=1&id=a%20b+c&id=d'), named('query')), 'a b c')
  t.equal(keyInHead(headOf('/a'), named('query')), null)
})

t.test('a field is a text in UTF-8', async t => {
  t.equal(keyInHead(headOf('/', 'x-id', latin1('表格')), named('header', 'x-id')), '表格')
  t.equal(keyInHead(headOf('/'), named('header', 'x-id')), null)
})

t.test('a cookie is found in whichever field it comes', async t => {
  const head = headOf('/', 'cookie', 'id2=x; a=b=c', 'cookie', 'other; id="t%20u"; id=later')
  t.equal(keyInHead(head, named('cookie')), 't u')
  t.equal(keyInHead(head, named('cookie', 'a')), 'b=c')
  t.equal(keyInHead(head, named('cookie', 'other')), null)
})

t.test('a body is not in the head', async t => {
  t.equal(keyInHead(headOf('/?id=1', 'id', '1', 'cookie', 'id=1'), named('body')), null)
})

t.test('only what says that it is small and JSON is looked into', async t => {
  const says = (bodyLength: number, type: string): boolean =>
    hasSmallJson({ ...headOf('/', 'content-type', type), bodyLength })
  for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/problem+json']) {
    t.ok(says(1, type), type)
  }
  for (const type of ['text/plain', 'application/jsonp', 'text/application/json', '']) t.notOk(says(1, type), type)
  t.ok(says(65_536, 'application/json'))
  for (const length of [65_537, 0, -1]) t.notOk(says(length, 'application/json'), `${length}`)
})
