import t from 'tap'
import { startEdge, yamlFor } from '../doubles/edge.ts'
import { ask, protocols } from '../doubles/foreign-client.ts'
import { startRawUpstream } from '../doubles/raw-upstream.ts'
const cases: Record<string, string> = {
  plain: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  dupetag: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: a\r\nETag: b\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nServer: u\r\nServer: v\r\nDate: x\r\nDate: y\r\n\r\nhi',
  s999: 'HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\nhi',
  s600: 'HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nhi',
  s205: 'HTTP/1.1 205 OK\r\nContent-Length: 2\r\n\r\nhi',
  s204: 'HTTP/1.1 204 OK\r\nContent-Length: 0\r\n\r\n',
  s204b: 'HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n',
  s304: 'HTTP/1.1 304 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n',
  highbytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Disposition: attachment; filename="\xe6\x8a\xa5\xe8\xa1\xa8.xlsx"\r\n\r\nhi',
  trailers: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\nX-Two: a\r\nX-Two: b\r\n\r\n',
  early: 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  trunc: 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi!',
  truncChunk: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n5\r\na!',
  badchunk: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\na!',
  interimDup: 'HTTP/1.1 103 Early\r\nETag: a\r\nETag: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  trailerDup: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nETag: 7\r\nETag: a\r\n\r\n',
  weird: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n!#$%: 1\r\nPriority: u=1\r\nAccess-Control-Allow-Credentials: a\r\nAccess-Control-Allow-Credentials: b\r\n\r\nhi',
  xid: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: 1\r\nX-Request-Id: 2\r\n\r\nhi',
}
t.test('x', async t => {
  process.on('uncaughtException', e => console.error('UNCAUGHT', e))
  const upstream = await startRawUpstream(t, (socket, text) => {
    const name = /GET \/(\w+)/.exec(text)?.[1]
    if (name) { socket.write(Buffer.from(cases[name]!, 'latin1')); if (/!$/.test(cases[name]!)) socket.end() }
  })
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', ', idle: 3s'))
  for (const name of Object.keys(cases)) for (const p of protocols) {
    console.error(name, p, JSON.stringify(await Promise.race([ask(t, edge, p, { path: '/' + name }), new Promise(r => setTimeout(r, 1500, 'LATE'))])))
  }
})
