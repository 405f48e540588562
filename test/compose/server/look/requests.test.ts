import t from 'tap'
import { requestsIn, tracebackIn } from '../../../../compose/server/look/requests.ts'

const line = (differences: object): string =>
  JSON.stringify({
    ...{ time: '2026-11-01T00:05:00Z', upstream: 'api', status: 200, method: 'GET', path: '/api/a' },
    ...differences
  })
const since = () => Date.parse('2026-11-01T00:00:00Z')
const nowMs = Date.parse('2026-11-01T00:08:00Z')

t.test('answers are counted by upstream, and what failed by its cause', async t => {
  const lines = [
    line({}),
    line({ status: 500, method: 'POST', path: '/api/v1/chat' }),
    line({ status: 502, code: 'EDGE_UPSTREAM_REFUSED', path: '/api/b' }),
    line({ status: 500, path: '/api/c', time: '2026-11-01T00:06:00Z' }),
    line({ status: 404 }),
    line({ upstream: 'web' })
  ]
  t.same(requestsIn(lines, since, nowMs), [
    {
      ...{ upstream: 'api', requests: 5, failed: 3, last: 'GET /api/c', lastAgoMs: 120_000 },
      causes: { 500: 2, EDGE_UPSTREAM_REFUSED: 1 }
    },
    { upstream: 'web', requests: 1, failed: 0, causes: {}, last: null, lastAgoMs: null }
  ])
})

t.test('what is old, no access line, or cut by the engine does not count', async t => {
  const lines = [
    line({ time: '2026-10-31T23:59:59Z', status: 500 }),
    '{"level":"info","message":"serving"}',
    '{"sta',
    'words'
  ]
  t.same(requestsIn(lines, since, nowMs), [])
  const perUpstream = (upstream: string): number => (upstream === 'api' ? Date.parse('2026-11-01T00:06:00Z') : 0)
  t.same(requestsIn([line({ status: 500 })], perUpstream, nowMs), [], 'nor what came before the container that serves')
})

t.test('of a log, the last traceback, up to the line that names the error', async t => {
  const traceback = (error: string) => [
    'ERROR:    Exception in ASGI application',
    'Traceback (most recent call last):',
    '  File "/app/api.py", line 7, in chat',
    "    model = os.environ['MODEL']",
    error
  ]
  const lines = [...traceback('ValueError: first'), 'INFO: up', ...traceback("KeyError: 'MODEL'"), 'INFO:     200 OK']
  t.same(tracebackIn(lines), [
    '  File "/app/api.py", line 7, in chat',
    "    model = os.environ['MODEL']",
    "KeyError: 'MODEL'"
  ])
  t.same(tracebackIn(['INFO: up']), [])
})
