import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { EdgeError } from '../../proxy/errors.ts'
import { twinedge } from '../doubles/command.ts'
import { control, folder } from '../proxy/control/control.ts'

t.test('status shows slots, health with what the last probe saw, requests in flight and days left', async t => {
  const { socket } = await control(t)
  const { code, out } = await twinedge(['status', '--socket', socket])
  t.equal(code, 0)
  t.match(out, /^twinedge 0\.1\.0 \(frontend\), process 4242, up 2 h$/m)
  t.match(out, /^config \/etc\/twinedge\/frontend\.yaml, loaded 1 min ago; log info$/m)
  t.match(out, /^the link to 203\.0\.113\.7:7443 is up, 201 ms away, 3 lines in use$/m)
  t.match(out, /^web +blue \(active\) +up +2 +4 +http:\/\/127\.0\.0\.1:3001 +200 in 3 ms$/m)
  t.match(out, /^api +only \(active\) +down +0 +0 +http:\/\/127\.0\.0\.1:8000 +ECONNREFUSED \\u001b\[2J$/m)
  t.match(out, /^example\.com, www\.example\.com +12 +CN=local authority$/m)
})

t.test('with --json, what a program reads is exactly what the edge said', async t => {
  const { socket } = await control(t)
  t.equal(JSON.parse((await twinedge(['status', '--json', '--socket', socket])).out).pid, 4_242)
  t.same(JSON.parse((await twinedge(['reload', '--json', '--socket', socket])).out), { changed: ['routes'] })
})

t.test('an edge alone says in one line why no containers are shown; without an engine, any edge does', async t => {
  const { socket } = await control(t)
  const named = await twinedge(['status', '--socket', socket])
  t.match(named.out, /^no containers, releases and changes are shown: an edge was named; --project NAME /m)
  const config = join(await folder(t), 'none')
  const none = { DOCKER_HOST: `unix://${config}` }
  const project = await twinedge(['status', '--socket', socket, '--project', 'any'], none)
  t.equal(project.code, 1)
  t.match(project.err, /^COMPOSE_ENGINE_UNREACHABLE: connect ENOENT .*\nnext: start Docker/)
  const { stack, missing, failure } = JSON.parse((await twinedge(['status', '--json', '--socket', socket])).out)
  t.match({ stack, missing, failure }, { stack: null, missing: /^an edge was named/, failure: null })
})

t.test('reload tells what changed, or why nothing did, and exits accordingly', async t => {
  const { socket, actions } = await control(t)
  t.same(await twinedge(['reload', '--socket', socket]), { code: 0, out: 'reloaded: routes\n', err: '' })
  actions.onReload = () => []
  t.match((await twinedge(['reload', '--socket', socket])).out, 'nothing had changed')
  actions.onReload = () => {
    throw new EdgeError('CONFIG_INVALID', '\nedge.yaml:3  routes  found nothing')
  }
  const { code, out, err } = await twinedge(['reload', '--socket', socket])
  t.same([code, out], [1, ''])
  t.equal(
    err,
    'CONFIG_INVALID:\nedge.yaml:3  routes  found nothing\nnext: mend the lines above, then: twinedge check FILE\n'
  )
})

t.test('log-level shows and changes; a level that there is not is refused', async t => {
  const { socket, actions } = await control(t)
  t.equal((await twinedge(['log-level', '--socket', socket])).out, 'info\n')
  t.equal((await twinedge(['log-level', 'debug', '--socket', socket])).out, 'debug\n')
  t.equal(actions.level, 'debug')
  const { code, err } = await twinedge(['log-level', 'loud', '--socket', socket])
  t.equal(code, 2)
  t.match(err, /^EDGE_USAGE: level is one of .*silent\nnext: /)
})

t.test('health says by its exit code whether the edge serves', async t => {
  const { socket, actions } = await control(t)
  t.same(await twinedge(['health', '--socket', socket]), {
    code: 0,
    out: 'ok\nwarning: example.com: 12 days left\n',
    err: ''
  })
  actions.isStopping = true
  const { code, out } = await twinedge(['health', '--socket', socket])
  t.equal(code, 1)
  t.match(out, /^stopping/)
})

t.test('metrics come out as Prometheus reads them', async t => {
  const { socket } = await control(t)
  t.equal((await twinedge(['metrics', '--socket', socket])).out, 'twinedge_connections 12\n')
})

t.test('the edge is found by its configuration, or by the environment', async t => {
  const { socket } = await control(t)
  const file = join(await folder(t), 'edge.yaml')
  await writeFile(
    file,
    `server: single\ndomains: [example.com]\ncontrol: { socket: ${socket} }\n` +
      'upstreams: { web: { origin: http://127.0.0.1:3001 } }\nroutes: [{ path: /, upstream: web }]\n'
  )
  t.equal((await twinedge(['log-level', '--config', file])).out, 'info\n')
  t.equal((await twinedge(['log-level'], { EDGE_CONTROL_SOCKET: socket })).out, 'info\n')
})

t.test('where no edge runs, it says so and what to do, and exits 1', async t => {
  const place = await folder(t)
  for (const verb of ['status', 'reload', 'log-level', 'health', 'metrics']) {
    const { code, out, err } = await twinedge([verb, '--socket', join(place, 'none.sock')])
    t.same([code, out], [1, ''], verb)
    t.match(err, /^EDGE_NOT_RUNNING: nobody answers at .*none\.sock \(ENOENT\)\nnext: start it: twinedge run/, verb)
  }
})

t.test('something else that answers there is not taken for an edge', async t => {
  const socket = join(await folder(t), 'other.sock')
  const other: Server = createServer(client => {
    client.on('error', () => {})
    client.end('HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>')
  }).listen(socket)
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { code, err } = await twinedge(['status', '--socket', socket])
  t.equal(code, 1)
  t.match(err, /^EDGE_NOT_RUNNING: what answers there is no edge: <html>\nnext: /)
})
