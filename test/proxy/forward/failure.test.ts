import t from 'tap'
import { EdgeError, type FailureCode, failures } from '../../../proxy/errors.ts'
import { enderOf, failureOf, isRetryable } from '../../../proxy/forward/failure.ts'

t.test('a failure stays what it is; anything else is a bug of ours, with its stack', async t => {
  const known = new EdgeError('EDGE_UPSTREAM_DOWN', 'x')
  t.equal(failureOf(known), known)
  const bug = new TypeError('oops')
  t.match(failureOf(bug), { code: 'EDGE_INTERNAL', status: 500, detail: bug.stack, cause: bug })
  t.match(failureOf('thrown text'), { code: 'EDGE_INTERNAL', detail: 'thrown text' })
  t.match(failureOf(undefined), { code: 'EDGE_INTERNAL', detail: 'undefined' })
})

t.test('only what is unanswered, without body and safe to do twice goes out again', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    t.ok(isRetryable({ method, bodyLength: 0 }, true), method)
    t.notOk(isRetryable({ method, bodyLength: 3 }, true), `${method} with a body`)
    t.notOk(isRetryable({ method, bodyLength: -1 }, true), `${method} with a body of unknown length`)
    t.notOk(isRetryable({ method, bodyLength: 0 }, false), `${method} that may have been seen`)
  }
  for (const method of ['POST', 'PATCH', 'get', 'PROPFIND', 'M-SEARCH'])
    t.notOk(isRetryable({ method, bodyLength: 0 }, true), method)
})

t.test('who ended a request: the client by leaving, the upstream by failing, else the edge by refusing', async t => {
  const ender = (code: FailureCode) => enderOf(code, failures[code].side)
  t.equal(ender('EDGE_CLIENT_CLOSED'), 'client')
  t.equal(ender('EDGE_CLIENT_STALLED'), 'client')
  t.equal(ender('EDGE_UPSTREAM_TRUNCATED'), 'upstream')
  t.equal(ender('EDGE_UPSTREAM_BUSY'), 'upstream')
  t.equal(ender('EDGE_BODY_TOO_LARGE'), 'edge')
  t.equal(ender('EDGE_INTERNAL'), 'edge')
})
