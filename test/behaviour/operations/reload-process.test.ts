import t from 'tap'
import { twinedge } from '../../doubles/command.ts'
import { readAll, readUntil, yamlFor } from '../../doubles/edge.ts'
import { connectTo, startEdgeProcess } from '../../doubles/edge-process.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

t.test('SIGHUP and `twinedge reload` take up the changed file of a real process, and cut no stream', async t => {
  const one = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
  })
  const two = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo')
  })
  const edge = await startEdgeProcess(t, yamlFor({ web: one.origin }))
  const stream = await connectTo(edge)
  stream.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readUntil(stream, 'one')

  await edge.write(yamlFor({ other: two.origin }))
  edge.child.kill('SIGHUP')
  t.same((await edge.line(({ message }) => message === 'reloaded')).changed, ['upstreams', 'routes'])
  const next = await connectTo(edge)
  next.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.match(await readAll(next), /two$/)

  await edge.write('server: nowhere\ndomians: [localhost]\n')
  edge.child.kill('SIGHUP')
  const refused = await edge.line(({ message }) => String(message).startsWith('reload refused'))
  t.match(refused, { level: 'error', code: 'CONFIG_INVALID' })
  t.match(refused.detail, /edge\.yaml:1 +server .*\n.*edge\.yaml:2 +domians .*did you mean "domains"/s)
  const verb = await twinedge(['reload', '--socket', edge.socket])
  t.equal(verb.code, 1)
  t.match(verb.err, /^CONFIG_INVALID:\n.*edge\.yaml:2 +domians .*\nnext: mend the lines above/s)

  await edge.write(yamlFor({ other: two.origin }, 'log: { level: warn }'))
  const taken = await twinedge(['reload', '--socket', edge.socket])
  t.same(taken, { code: 0, out: 'reloaded: log\n', err: '' })
  t.equal((await twinedge(['log-level', '--socket', edge.socket])).out, 'warn\n')

  one.connections[0]!.write('3\r\nend\r\n0\r\n\r\n')
  t.match(await readUntil(stream, '0\r\n\r\n'), /end/, 'the stream lived through all of it')
})

t.test('SIGUSR2 turns debug on, and off again', async t => {
  const web = await startRawUpstream(t, () => {})
  const edge = await startEdgeProcess(t, yamlFor({ web: web.origin }))
  const level = async (): Promise<string> => (await twinedge(['log-level', '--socket', edge.socket])).out.trim()
  edge.child.kill('SIGUSR2')
  t.equal(await level(), 'debug')
  edge.child.kill('SIGUSR2')
  t.equal(await level(), 'info')
})
