import { once } from 'node:events'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { startControl } from '../../../proxy/control/server.ts'
import { StubActions } from '../../doubles/control-actions.ts'
import { ask, control, folder } from './control.ts'

const actions = new StubActions()

/** Status and code of an answer to a request that names `host`. */
async function askAs(port: number, host: string): Promise<[number | undefined, string]> {
  const [answer] = await once(get({ port, host: '127.0.0.1', path: '/healthz', headers: { host } }), 'response')
  let text = ''
  for await (const chunk of answer) text += chunk
  return [answer.statusCode, JSON.parse(text).code ?? '']
}

t.test('the loopback port serves health and metrics, and nothing that changes or shows anything else', async t => {
  const { port, actions } = await control(t, { host: '127.0.0.1', port: 0 })
  const statusOf = async (method: 'GET' | 'POST' | 'PUT', path: string) => {
    const answer = await request(`http://127.0.0.1:${port}${path}`, { method })
    await answer.body.dump()
    return answer.statusCode
  }
  t.equal(await statusOf('GET', '/healthz'), 200)
  t.equal(await statusOf('GET', '/metrics'), 200)
  t.equal(await statusOf('GET', '/status'), 404)
  t.equal(await statusOf('GET', '/log-level'), 404)
  t.equal(await statusOf('PUT', '/log-level'), 404)
  actions.onReload = () => {
    throw new Error('reloaded over TCP')
  }
  t.equal(await statusOf('POST', '/reload'), 404)
})

t.test('a web page that had its name point here (DNS rebinding) reads nothing', async t => {
  const { port } = await control(t, { host: '127.0.0.1', port: 0 })
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', '127.8.8.8:1', '[::1]:9', 'LOCALHOST']) {
    t.same(await askAs(port!, host), [200, ''], host)
  }
  for (const host of ['evil.test', 'localhost.evil.test', '127.0.0.1.evil.test', 'x@localhost', '10.0.0.1']) {
    t.same(await askAs(port!, host), [421, 'EDGE_HOST_UNKNOWN'], host)
  }
})

t.test('IPv6 loopback works as well', async t => {
  const { port } = await control(t, { host: '::1', port: 0 })
  const { statusCode, body } = await request(`http://[::1]:${port}/healthz`)
  await body.dump()
  t.equal(statusCode, 200)
})

t.test('an address that others can reach is refused, and the socket is closed again', async t => {
  const socket = join(await folder(t), 'control.sock')
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com']) {
    await t.rejects(startControl({ socket, listen: { host, port: 0 }, actions }), { code: 'CONFIG_INVALID' }, host)
  }
  await t.rejects(ask(socket, 'GET', '/healthz'), { code: 'ENOENT' })
})

t.test('a port in use is said so', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const socket = join(await folder(t), 'control.sock')
  const starting = startControl({ socket, listen: { host: '127.0.0.1', port }, actions })
  await t.rejects(starting, { code: 'EDGE_PORT_TAKEN', detail: new RegExp(`${port}`) })
})

t.test('the end closes both', async t => {
  const { socket, port, close } = await control(t, { host: '127.0.0.1', port: 0 })
  await close()
  await t.rejects(request(`http://127.0.0.1:${port}/healthz`), { code: 'ECONNREFUSED' })
  await t.rejects(ask(socket, 'GET', '/healthz'), { code: 'ENOENT' })
})
