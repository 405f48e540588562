import { execFile } from 'node:child_process'
import type { Socket } from 'node:net'
import { promisify } from 'node:util'
import t from 'tap'
import { connectRaw, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const fin = (socket: Socket): void => void socket.end()
const rst = (socket: Socket): void => void socket.resetAndDestroy()

/** The first bytes of an answer, and how the upstream ends it before its time. */
const truncated: Record<string, [text: string, die: (socket: Socket) => void]> = {
  'a Content-Length by FIN': ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart', fin],
  'a Content-Length by RST': ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart', rst],
  'chunks by FIN': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', fin],
  'chunks by RST': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', rst],
  'the middle of a chunk': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart', fin],
  'the last chunk before its empty line': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n',
    fin
  ],
  'chunks by nonsense': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n',
    socket => void socket.write('nonsense\r\n')
  ],
  'an answer without length by RST': ['HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart', rst]
}

for (const [what, [text, die]] of Object.entries(truncated)) {
  t.test(`an upstream that cuts ${what} reaches the client as an abort`, async t => {
    let upstreamSide: Socket | undefined
    const upstream = await startRawUpstream(t, socket => {
      upstreamSide = socket
      socket.write(text)
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    for (const protocol of protocols) {
      const got = ask(t, edge, protocol, { path: `/${protocol}`, onData: () => die(upstreamSide!) })
      t.match(await got, { status: 200, body: 'part', isComplete: false }, protocol)
      await edge.line(line => line.path === `/${protocol}` && line.code === 'EDGE_UPSTREAM_TRUNCATED')
    }

    const client = await connectRaw(edge)
    const failed = new Promise<Error>(resolve => client.once('error', resolve))
    client.write('GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
    client.on('data', data => data.includes('part') && die(upstreamSide!))
    await readAll(client)
    t.match(await failed, { code: 'ECONNRESET' }, 'an HTTP/1.0 client, to which the end would be a clean one, is reset')
  })
}

for (const protocol of protocols) {
  t.test(`an answer without length is complete at the upstream's FIN (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    t.match(await ask(t, edge, protocol), { status: 200, body: 'all of it', isComplete: true })
  })
}

t.test('curl, too, knows an answer that was cut, by every protocol', async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n')
    setTimeout(() => socket.resetAndDestroy(), 50)
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const curl = promisify(execFile)
  for (const [version, code] of [
    ['--http1.0', 56],
    ['--http1.1', 18],
    ['--http2', 92]
  ] as const) {
    const options = ['--silent', '--insecure', '--max-time', '10', version]
    const failed = await curl('curl', [...options, `https://localhost:${edge.httpsPort}/`]).then(
      () => ({ code: 0, stdout: '' }),
      error => error
    )
    t.match(failed, { code, stdout: 'part' }, version)
  }
})
