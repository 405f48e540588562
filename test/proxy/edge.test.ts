import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { connectRaw, readAll, readUntil, startEdge, yamlFor } from '../doubles/edge.ts'
import { until } from '../doubles/edge-process.ts'
import { startRawUpstream } from '../doubles/raw-upstream.ts'

async function makeFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

t.test('a start that fails leaves nothing behind: the next one on the same state succeeds', async t => {
  const folder = await makeFolder(t)
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => other.once('listening', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const yaml = yamlFor({ web: 'http://127.0.0.1:9' })
  const taken = yaml.replace('https: "127.0.0.1:0"', `https: "127.0.0.1:${port}"`)
  await t.rejects(startEdge(t, taken, folder), { code: 'EDGE_PORT_TAKEN' })
  t.notOk(existsSync(join(folder, 'control.sock')))
  const { edge } = await startEdge(t, yaml, folder)
  t.ok(edge.port('https') > 0)
  await t.rejects(startEdge(t, yaml, folder), { code: 'EDGE_ALREADY_RUNNING' })
})

t.test('status counts what is open and what is in flight, and forgets what has ended', async t => {
  const web = await startRawUpstream(t, () => {})
  const running = await startEdge(t, yamlFor({ web: web.origin }))
  const { edge } = running
  t.match(edge.status(), { server: 'single', version: '0.0.0', pid: process.pid, connections: 0, inFlight: 0 })
  t.match(edge.status().certificates, [{ domains: ['localhost', 'example.test'] }])
  const [idle, busy] = [await connectRaw(running), await connectRaw(running)]
  busy.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await web.seen('GET / ')
  t.match(edge.status(), { connections: 2, inFlight: 1, upstreams: [{ name: 'web', inFlight: 1, connections: 1 }] })
  busy.destroy()
  idle.destroy()
  await until(() => edge.status().connections === 0, 'both are forgotten')
  t.match(edge.status(), { inFlight: 0, upstreams: [{ inFlight: 0, connections: 0 }] })
})

t.test('while it stops, the control socket answers: 503, stopping', async t => {
  const web = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
  })
  const running = await startEdge(t, yamlFor({ web: web.origin }, 'grace: 30s'))
  const client = await connectRaw(running)
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readUntil(client, 'one')
  const dispatcher = new Agent({ connect: { socketPath: join(running.folder, 'control.sock') } })
  t.teardown(() => dispatcher.destroy())
  const health = async (): Promise<[number, unknown]> => {
    const answer = await request('http://edge/healthz', { dispatcher })
    return [answer.statusCode, await answer.body.json()]
  }
  t.same(await health(), [200, { status: 'ok', warnings: [] }])
  const stopped = running.edge.stop()
  t.same(await health(), [503, { status: 'stopping', warnings: [] }])
  const rest = readAll(client)
  web.connections[0]!.write('0\r\n\r\n')
  await rest
  t.equal(await stopped, 0, 'nothing was cut')
  t.equal(await running.edge.stop(), 0, 'a second stop has nothing to do')
})

t.test('an upstream that is down is told in the log, and status says what was seen', async t => {
  const yaml = yamlFor({ web: 'http://127.0.0.1:9' })
  const down = yaml.replace(':9" }', ':9", health: { path: /up, fails: 1 } }')
  const { edge, line } = await startEdge(t, down)
  t.match(await line(({ message }) => message === 'upstream is down'), { level: 'warn', upstream: 'web', slot: 'only' })
  t.match(edge.status().upstreams, [{ health: 'down', lastProbe: /ECONNREFUSED/ }])
})
