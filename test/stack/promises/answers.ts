import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { converse, converseJson } from '../../doubles/stack/conversation.ts'
import type { Stack } from '../../doubles/stack/stack.ts'
import type { Promises } from './way.ts'

/** What the API answers besides streams. */
export const answers: Promises = {
  async 'the API sees who asks, how, and for which host, and no stranger can lie to it'(t, { edge, protocol }) {
    const lies = {
      'x-forwarded-for': '6.6.6.6',
      'x-real-ip': '6.6.6.6',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=6.6.6.6',
      'x-middleware-subrequest': 'middleware:middleware:middleware',
      'x-ours': 'stays'
    }
    const path = '/api/v1/echo?q=%E6%8A%A5&a=1&a=2'
    const saw = await converseJson(t, edge, protocol, { path, headers: lies, from: '127.0.0.7' })
    const fields = Object.fromEntries(saw.headers)
    t.equal(saw.url, path)
    t.match(fields, {
      host: 'localhost',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'localhost',
      'x-ours': 'stays'
    })
    t.equal(fields['x-forwarded-for'], '127.0.0.7')
    t.equal(fields['x-real-ip'], '127.0.0.7')
    t.match(saw.from, /^127\.0\.0\.7:/, 'uvicorn believes the edge')
    t.notMatch(JSON.stringify(saw.headers), /6\.6\.6\.6|evil|x-middleware/)
  },

  async 'what operators look at says that the API is well'(t, { edge, protocol }) {
    t.same(await converseJson(t, edge, protocol, { path: '/api/v1/health' }), { status: 'ok' })
  },

  async 'a slow answer is waited for'(t, { edge, protocol }) {
    t.same(await converseJson(t, edge, protocol, { path: '/api/v1/slow?ms=1500' }), { waited: 1_500 })
  },

  async "the API's own 404, 204 and 503 pass as they are"(t, { edge, protocol }) {
    const missing = await converse(t, edge, protocol, { path: '/api/v1/nothing' })
    t.equal(missing.status, 404)
    t.same(JSON.parse(await missing.text()), { detail: 'Not Found' })
    const empty = await converse(t, edge, protocol, { path: '/api/v1/status/204' })
    t.match(empty, { status: 204, headers: { 'content-length': undefined, 'x-request-id': /./ } })
    t.equal(await empty.text(), '')
    const busy = await converse(t, edge, protocol, { path: '/api/v1/status/503' })
    t.equal(busy.status, 503)
    t.same(JSON.parse(await busy.text()), { status: 503 })
  },

  async 'a download keeps its length and its Chinese name, byte for byte'(t, { edge, protocol }) {
    const raw = await converse(t, edge, protocol, { path: '/api/v1/download?bytes=3000000&raw=true' })
    const name = Buffer.from(String(raw.headers['content-disposition']), 'latin1').toString()
    t.equal(name, 'attachment; filename="季度报表 2026.xlsx"')
    t.equal(raw.headers['content-length'], '3000000')
    t.equal((await raw.text()).length, 3_000_000)
    const encoded = await converse(t, edge, protocol, { method: 'GET', path: '/api/v1/download?bytes=1' })
    t.match(encoded.headers['content-disposition'], /^attachment; filename\*=UTF-8''%E5%AD%A3/)
  }
}

/** Text and binary come back, and the close is the API's own. */
export async function socketEchoes(t: Test, edge: Stack): Promise<void> {
  const socket = new WebSocket(`wss://localhost:${edge.httpsPort}/api/v1/ws`, { ca: edge.ca })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  socket.send('工作簿.xlsx')
  t.equal(String((await once(socket, 'message'))[0]), '工作簿.xlsx')
  const bytes = Buffer.alloc(300_000, 'twinedge')
  socket.send(bytes)
  const [back, isBinary] = await once(socket, 'message')
  t.ok(isBinary && bytes.equals(back))
  socket.close(1000)
  t.equal((await once(socket, 'close'))[0], 1000)
}

/** :80 leads to :443 of the same edge, path and query untouched. */
export async function redirects(t: Test, { httpPort: port, httpsPort }: Stack): Promise<void> {
  const request = get({ port, host: '127.0.0.1', path: '/a?b=%20', headers: { host: 'localhost' } })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  answer.resume()
  t.match(answer, { statusCode: 301, headers: { location: `https://localhost:${httpsPort}/a?b=%20` } })
}
