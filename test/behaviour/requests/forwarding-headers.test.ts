import t from 'tap'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

const lies = [
  ['x-real-ip', '6.6.6.6'],
  ['x-forwarded-for', '6.6.6.6'],
  ['x-forwarded-proto', 'http'],
  ['x-forwarded-host', 'evil.example'],
  ['x-forwarded-port', '666'],
  ['x-forwarded', 'for=6.6.6.6'],
  ['x_forwarded_for', '6.6.6.6'],
  ['x_real-ip', '6.6.6.6'],
  ['x-request-id', 'stranger-666'],
  ['forwarded', 'for=6.6.6.6'],
  ['x-middleware-subrequest', 'middleware666'],
  ['x-middleware-rewrite', '/666'],
  ['x-now-route-matches', '666'],
  ['x-matched-path', '/666'],
  ['x-invoke-path', '/666'],
  ['x-original-url', '/666'],
  ['x-rewrite-url', '/666'],
  ['x-prerender-revalidate', '666'],
  ['next-resume', '666']
]

function fieldsOf(received: string): Record<string, string> {
  const lines = received.split('\r\n\r\n')[0]!.split('\r\n').slice(1)
  return Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]))
}

for (const protocol of protocols) {
  t.test(`what a stranger says of where it comes from is replaced (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write(OK))
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    const headers = [...lies.flat(), 'rsc', '1', 'next-action', 'abc', 'x-nextjs-data', '1', 'x-custom', 'mine']
    const answer = await ask(t, edge, protocol, { headers })
    const received = upstream.received()
    t.notMatch(received, /666|6\.6\.6\.6|evil/, 'nothing of it gets through')
    const id = answer.headers[answer.headers.indexOf('x-request-id') + 1]!
    const { 'x-real-ip': ip, 'x-forwarded-for': chain, 'x-forwarded-proto': proto, ...rest } = fieldsOf(received)
    t.strictSame([ip, chain, proto], ['127.0.0.1', '127.0.0.1', 'https'])
    t.match(rest, { host: 'localhost', 'x-forwarded-host': 'localhost', 'x-request-id': id })
    t.match(
      rest,
      { rsc: '1', 'next-action': 'abc', 'x-nextjs-data': '1', 'x-custom': 'mine' },
      'what a page sends stays'
    )
    await edge.line(line => line.id === id)
  })

  t.test(`what a trusted proxy says is believed and extended (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write(OK))
    const trust = 'trusted-proxies: [127.0.0.0/8, 10.0.0.0/8]'
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, trust))
    const said = ['x-forwarded-for', '6.6.6.6', 'x-forwarded-for', '203.0.113.9, 10.0.0.1', 'x-forwarded-proto', 'http']
    const ours = [
      'x-request-id',
      'their-own-id-1',
      'x-forwarded-host',
      'outer.example',
      'x-middleware-subrequest',
      'no'
    ]
    await ask(t, edge, protocol, { headers: [...said, ...ours] })
    const got = fieldsOf(upstream.received())
    t.match(got, {
      'x-real-ip': '203.0.113.9',
      'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.0.0.1, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'outer.example',
      'x-request-id': 'their-own-id-1'
    })
    t.equal(got['x-middleware-subrequest'], undefined)
    t.match(await edge.line(line => line.id === 'their-own-id-1'), { client: '203.0.113.9' })
  })
}

t.test('a proxy outside the trusted blocks is a stranger', async t => {
  const upstream = await startRawUpstream(t, socket => socket.write(OK))
  const edge = await startEdge(t, yamlFor({ web: upstream.origin }, 'trusted-proxies: [10.0.0.0/8]'))
  await ask(t, edge, 'h1', { headers: ['x-forwarded-for', '6.6.6.6'] })
  t.match(fieldsOf(upstream.received()), { 'x-real-ip': '127.0.0.1', 'x-forwarded-for': '127.0.0.1' })
})
