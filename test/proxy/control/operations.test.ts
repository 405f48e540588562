import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { EdgeError } from '../../../proxy/errors.ts'
import { status } from '../../doubles/control-actions.ts'
import { ask, control } from './control.ts'

t.test('healthz answers 200 while the edge serves and 503 while it stops', async t => {
  const { socket, actions } = await control(t)
  const serving = await ask(socket, 'GET', '/healthz')
  t.equal(serving.status, 200)
  t.same(JSON.parse(serving.text), { status: 'ok', warnings: ['example.com: 12 days left'] })
  actions.isStopping = true
  const stopping = await ask(socket, 'GET', '/healthz')
  t.equal(stopping.status, 503)
  t.equal(JSON.parse(stopping.text).status, 'stopping')
})

t.test('status and metrics come as they are', async t => {
  const { socket } = await control(t)
  t.same(JSON.parse((await ask(socket, 'GET', '/status')).text), status)
  const { type, text } = await ask(socket, 'GET', '/metrics')
  t.equal(text, 'twinedge_connections 12\n')
  t.match(type, /^text\/plain; version=0\.0\.4/)
})

t.test('a reload says what changed; a refused one says why, with 409 and the next step', async t => {
  const { socket, actions } = await control(t)
  const taken = await ask(socket, 'POST', '/reload')
  t.same([taken.status, JSON.parse(taken.text)], [200, { changed: ['routes'] }])
  actions.onReload = () => {
    throw new EdgeError('CONFIG_INVALID', 'edge.yaml:3 routes: found nothing')
  }
  const refused = await ask(socket, 'POST', '/reload')
  t.equal(refused.status, 409)
  t.match(JSON.parse(refused.text), {
    code: 'CONFIG_INVALID',
    detail: 'edge.yaml:3 routes: found nothing',
    next: /check FILE/
  })
})

t.test('the log level is read and changed; one that is none is refused and changes nothing', async t => {
  const { socket, actions } = await control(t)
  t.same(JSON.parse((await ask(socket, 'GET', '/log-level')).text), { level: 'info' })
  t.same(JSON.parse((await ask(socket, 'PUT', '/log-level', '{"level":"debug"}')).text), { level: 'debug' })
  t.equal(actions.level, 'debug')
  for (const body of ['{"level":"loud"}', '{"level":1}', 'null', '[]', '{', undefined]) {
    const refused = await ask(socket, 'PUT', '/log-level', body)
    t.equal(refused.status, 400, `${body}`)
    t.match(JSON.parse(refused.text), { code: 'EDGE_USAGE', detail: String, next: String })
  }
  t.equal(actions.level, 'debug')
})

t.test('a bug answers as a failure, without a stack', async t => {
  const { socket, actions } = await control(t)
  actions.onMetrics = () => {
    throw new TypeError('x is not a function')
  }
  const { status: code, text } = await ask(socket, 'GET', '/metrics')
  t.equal(code, 500)
  t.match(JSON.parse(text), { code: 'EDGE_INTERNAL', detail: 'x is not a function' })
  t.notMatch(text, / {2}at |server\.ts/)
  actions.onReload = () => {
    throw new TypeError('y is not a function')
  }
  const reload = await ask(socket, 'POST', '/reload')
  t.equal(reload.status, 500)
  t.match(JSON.parse(reload.text), { code: 'EDGE_INTERNAL', detail: 'y is not a function' })
})

t.test('what there is not is a failure like any other', async t => {
  const { socket } = await control(t)
  const { status: code, text } = await ask(socket, 'DELETE', '/status')
  t.equal(code, 404)
  t.match(JSON.parse(text), { code: 'EDGE_USAGE', detail: /DELETE \/status/ })
})

t.test('a client in the middle of its request does not hold up the end', async t => {
  const { socket, close } = await control(t)
  const client = connect(socket)
  await once(client, 'connect')
  client.write('GET /healthz HTTP/1.1\r\nhost: edge\r\n\r\n')
  await once(client, 'data')
  client.write('PUT /log-level HTTP/1.1\r\nhost: edge\r\ncontent-length: 20\r\nexpect: 100-continue\r\n\r\n')
  await once(client, 'data') // 100: the edge waits for a body that never comes
  client.on('error', () => {})
  const began = Date.now()
  await close()
  t.ok(Date.now() - began < 3_000)
})
