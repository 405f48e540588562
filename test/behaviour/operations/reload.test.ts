import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { connectRaw, readAll, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { type RawUpstream, startRawUpstream } from '../../doubles/raw-upstream.ts'

function answering(t: Test, body: string): Promise<RawUpstream> {
  return startRawUpstream(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
}

const get = 'GET /web/ HTTP/1.1\r\nHost: localhost\r\n\r\n'

t.test('a changed limit holds for the next request, on connections that are open too', async t => {
  const web = await answering(t, 'hi')
  const edge = await startEdge(t, yamlFor({ web: web.origin }))
  const client = await connectRaw(edge)
  client.write('POST /web/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123456789')
  await readUntil(client, 'hi')
  edge.setYaml(yamlFor({ web: web.origin }, '', ', body: 8'))
  t.same((await edge.edge.reload()).changed, ['routes'])
  client.write('POST /web/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123456789')
  t.match(await readAll(client), /^HTTP\/1\.1 413 .*EDGE_BODY_TOO_LARGE/s)
  edge.setYaml(yamlFor({ web: web.origin }, 'limits: { head: 1k }'))
  await edge.edge.reload()
  const other = await connectRaw(edge)
  other.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(2_000)}\r\n\r\n`)
  t.match(await readAll(other), /^HTTP\/1\.1 431 /)
})

t.test('a changed time for handshakes holds for the next connection: who says nothing is closed', async t => {
  const web = await answering(t, 'hi')
  const edge = await startEdge(t, yamlFor({ web: web.origin }, 'limits: { head-timeout: 60s }'))
  const silent = async (): Promise<Socket> => {
    const socket = connect(edge.httpsPort, '127.0.0.1').resume()
    await new Promise(resolve => socket.once('connect', resolve))
    t.teardown(() => socket.destroy())
    return socket
  }
  const before = await silent()
  await until(() => edge.edge.status().connections === 1, 'it was accepted under the old limit')
  edge.setYaml(yamlFor({ web: web.origin }, 'limits: { head-timeout: 1s }'))
  await edge.edge.reload()
  const after = await silent()
  await new Promise(resolve => after.once('close', resolve))
  t.notOk(before.closed, 'one that came before goes by what was said then')
})

t.test('a file with faults is refused whole, with every one of them, and what ran goes on', async t => {
  const web = await answering(t, 'hi')
  const edge = await startEdge(t, yamlFor({ web: web.origin }))
  edge.setYaml(yamlFor({ web: web.origin }, 'limits: { head: much, hed: 1 }\nlog: { level: debug }'))
  await t.rejects(edge.edge.reload(), { code: 'CONFIG_INVALID', detail: /limits\.head .*\n.*limits\.hed/s })
  t.equal(edge.edge.status().logLevel, 'info', 'not even what was right in it is taken')
  const told = await edge.line(({ message }) => String(message).startsWith('reload refused'))
  t.match(told, { level: 'error', code: 'CONFIG_INVALID', next: /twinedge check/ })
  const client = await connectRaw(edge)
  client.write(get)
  await readUntil(client, 'hi')
})

t.test('a reload opens a new port and closes an old one, without cutting what is open on it', async t => {
  const web = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
  })
  const [old, fresh] = [await freePort(), await freePort()]
  const on = (port: number): string =>
    yamlFor({ web: web.origin }).replace('https: "127.0.0.1:0"', `https: "127.0.0.1:${port}"`)
  const edge = await startEdge(t, on(old))
  const [busy, idle] = [await connectRaw(edge), await connectRaw(edge)]
  busy.write(get)
  await readUntil(busy, 'one')
  const closed = readAll(idle)
  edge.setYaml(on(fresh))
  t.same((await edge.edge.reload()).changed, ['listen'])

  t.equal(edge.edge.port('https'), fresh)
  const moved = await connectRaw({ ...edge, httpsPort: fresh })
  moved.write(get)
  await readUntil(moved, 'one')
  await t.rejects(connectRaw(edge), { code: 'ECONNREFUSED' }, 'the old port takes nobody new')
  await closed
  t.pass('an idle connection on it is closed')
  web.connections[0]!.write('3\r\ntwo\r\n0\r\n\r\n')
  t.match(await readAll(busy), /two\r\n0\r\n\r\n$/, 'a busy one when its answer is complete')
})

t.test('a port that somebody else has refuses the whole reload', async t => {
  const web = await answering(t, 'hi')
  const edge = await startEdge(t, yamlFor({ web: web.origin }))
  const free = await freePort()
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const listen = `listen: { http: "127.0.0.1:${free}", https: ["127.0.0.1:0", "127.0.0.1:${port}"] }`
  edge.setYaml(yamlFor({ web: web.origin }, 'log: { level: debug }').replace(/^listen:.*$/m, listen))
  await t.rejects(edge.edge.reload(), { code: 'EDGE_PORT_TAKEN', detail: `127.0.0.1:${port} is in use` })
  t.equal(edge.edge.status().logLevel, 'info')
  t.equal(edge.edge.port('http'), edge.httpPort)
  await until(() => isFree(free), 'a port that was opened on the way is given back')
  const client = await connectRaw(edge)
  client.write(get)
  await readUntil(client, 'hi')
})

t.test('a port that the edge itself has in another role is told apart from a stranger', async t => {
  const web = await answering(t, 'hi')
  const edge = await startEdge(t, yamlFor({ web: web.origin }))
  const listen = `listen: { http: "127.0.0.1:${edge.httpsPort}", https: "127.0.0.1:${edge.httpPort}" }`
  edge.setYaml(yamlFor({ web: web.origin }).replace(/^listen:.*$/m, listen))
  await t.rejects(edge.edge.reload(), { code: 'EDGE_PORT_TAKEN', detail: /by this edge .* restart$/ })
})

t.test('an upstream that did not change keeps its connections and what is known of its health', async t => {
  const web = await answering(t, 'hi')
  const yaml = yamlFor({ web: web.origin }).replace(/(web: \{ origin: [^ ]+) \}/, '$1, health: { path: /up } }')
  const edge = await startEdge(t, yaml)
  const client = await connectRaw(edge)
  client.write(get)
  await readUntil(client, 'hi')
  await until(() => edge.edge.status().upstreams[0]!.health === 'up', 'the first probe')
  const opened = web.connections.length
  edge.setYaml(`${yaml}\nlog: { level: warn }`)
  await edge.edge.reload()
  t.match(edge.edge.status().upstreams[0], { health: 'up', connections: 1 })
  client.write(get)
  await readUntil(client, 'hi')
  t.equal(web.connections.length, opened, 'no new connection was needed')
  edge.setYaml(yaml.replace('web: {', 'web: { keep-alive: 2s,'))
  await edge.edge.reload()
  t.equal(edge.edge.status().upstreams[0]!.connections, 0, 'one that did change begins anew')
})

t.test('what an address has used up of its rate stays used up', async t => {
  const web = await answering(t, 'hi')
  const yaml = yamlFor({ web: web.origin }, 'limits: { requests-per-second: 1 }')
  const edge = await startEdge(t, yaml)
  const client = await connectRaw(edge)
  const ask = async (): Promise<string> => {
    client.write('GET /web/ HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return readUntil(client, '\r\n\r\n')
  }
  let last = ''
  for (let i = 0; i < 12 && !last.includes('429'); i++) last = await ask()
  t.match(last, '429')
  edge.setYaml(`${yaml}\nlog: { level: warn }`)
  await edge.edge.reload()
  t.match(await ask(), '429')
})

t.test('the log level follows the file; what needs a restart is named, and named again until it comes', async t => {
  const web = await answering(t, 'hi')
  const yaml = yamlFor({ web: web.origin })
  const edge = await startEdge(t, yaml)
  edge.setYaml(`${yaml}\nlog: { level: debug }\ncontrol: { listen: 127.0.0.1:1 }\nstate: "${edge.folder}/elsewhere"\n`)
  const changed = ['log', 'control (from the next start on)', 'state (from the next start on)']
  t.same((await edge.edge.reload()).changed, changed)
  t.equal(edge.edge.status().logLevel, 'debug')
  t.equal(edge.edge.config.stateFolder, edge.folder, 'it goes on in the folder that it has')
  t.same((await edge.edge.reload()).changed, changed.slice(1))
})

t.test('reloads that come at once follow one another, and none comes after the stop', async t => {
  const web = await answering(t, 'hi')
  const edge = await startEdge(t, yamlFor({ web: web.origin }))
  const port = await freePort()
  edge.setYaml(yamlFor({ web: web.origin }).replace('https: "127.0.0.1:0"', `https: "127.0.0.1:${port}"`))
  const answers = await Promise.all([edge.edge.reload(), edge.edge.reload(), edge.edge.reload()])
  t.same(
    answers.map(({ changed }) => changed),
    [['listen'], [], []]
  )
  await edge.edge.stop()
  edge.setYaml(yamlFor({ web: web.origin }))
  await t.rejects(edge.edge.reload(), { code: 'EDGE_STOPPING' })
  t.ok(await isFree(port), 'nothing was opened')
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer().listen(port, '127.0.0.1')
  server.once('error', () => resolve(false))
  server.once('listening', () => server.close(() => resolve(true)))
  return promise
}
