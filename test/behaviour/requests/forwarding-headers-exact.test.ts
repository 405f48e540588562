import t from 'tap'
import { connectRaw, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
const CHINESE = Buffer.from('报表 "2026".xlsx').toString('latin1')

/** What some server, router or library along the way would like to rewrite. */
const targets = [
  '/',
  '/?',
  '/a?',
  '/a?b',
  '/a?b=&c=%20+%2B',
  '/a?q=%E6%8A%A5%e8%a1%a8',
  '/a?x=[1]&y={2}|3^4`5',
  '/a?"quoted"=<tag>',
  '/a//b/./c/../d',
  '/%2e%2e/%2F%5C\\',
  '//double',
  "/a;b=c,d@e:f!$&'()*~",
  '/a?b=c?d=e',
  '/a%00b%zz%',
  `/long?${'x'.repeat(4_000)}`
]

for (const protocol of protocols) {
  t.test(`a target reaches the upstream byte for byte (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write(OK))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    for (const path of targets) {
      t.match(await ask(t, edge, protocol, { path }), { status: 200 }, path.slice(0, 40))
      t.ok(upstream.received().includes(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n`), 'as it was written')
    }
  })

  t.test(`a field reaches the upstream byte for byte (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write(OK))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    const headers = [
      'x-name',
      CHINESE,
      'x-tab',
      'a\tb',
      'x-empty',
      '',
      'x-two',
      'a',
      'x-two',
      'b, c',
      'cookie',
      'a=1; b=2'
    ]
    t.match(await ask(t, edge, protocol, { headers }), { status: 200 })
    const got = upstream.received()
    t.ok(got.includes(`\r\nx-name: ${CHINESE}\r\n`), 'bytes from 0x80 up')
    t.ok(got.includes('\r\nx-tab: a\tb\r\n'))
    t.ok(got.includes('\r\nx-empty: \r\n'))
    t.match(got, /\r\nx-two: a\r\n(?:.*\r\n)?x-two: b, c\r\n/, 'two stay two, in order')
    t.ok(got.includes('\r\ncookie: a=1; b=2\r\n'))
  })

  t.test(`a body and its trailers reach the upstream (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, (socket, text) => {
      if (text.includes('0\r\n')) socket.write(OK)
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    const what = { method: 'DELETE', body: 'a\0\xff', trailers: { 'x-sum': '7', 'x-forwarded-for': '6.6.6.6' } }
    t.match(await ask(t, edge, protocol, what), { status: 200 })
    t.match(upstream.received(), /\r\ntransfer-encoding: chunked\r\n/)
    t.ok(upstream.received().endsWith('\r\n\r\n3\r\na\0\xff\r\n0\r\nx-sum: 7\r\n\r\n'), 'trailers, but none of ours')
  })

  t.test(`a body with a length stays one with a length, an empty one says so (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write(OK))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    await ask(t, edge, protocol, { method: 'POST', path: '/full', headers: ['content-length', '3'], body: 'abc' })
    t.match(upstream.received(), /^POST \/full [\s\S]*\r\ncontent-length: 3\r\n[\s\S]*\r\n\r\nabc$/)
    t.notMatch(upstream.received(), 'transfer-encoding')
    await ask(t, edge, protocol, { method: 'POST', path: '/empty', headers: ['content-length', '0'] })
    t.match(upstream.received(), /POST \/empty [\s\S]*\r\ncontent-length: 0\r\n/)
    await ask(t, edge, protocol, { path: '/get' })
    t.notMatch(upstream.received().split('GET /get')[1], /content-length|transfer-encoding/)
  })
}

t.test('bytes from 0x80 up in a target, which some clients send unescaped, pass as they are', async t => {
  const upstream = await startRawUpstream(t, socket => socket.write(OK))
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  const path = Buffer.from('/文件?名=值').toString('latin1')
  client.write(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 'latin1'))
  t.match(await readUntil(client, '\r\n\r\nhi'), /^HTTP\/1.1 200 /)
  t.ok(upstream.received().startsWith(`GET ${path} HTTP/1.1\r\n`))
  client.destroy()
})

t.test('an absolute target becomes a path, its query untouched', async t => {
  const upstream = await startRawUpstream(t, socket => socket.write(OK))
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
  const client = await connectRaw(edge)
  client.write('GET https://localhost/a?b=https://x/y HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(await readUntil(client, '\r\n\r\nhi'), /^HTTP\/1.1 200 /)
  t.ok(upstream.received().startsWith('GET /a?b=https://x/y HTTP/1.1\r\nhost: localhost\r\n'))
  client.destroy()
})
