import { connect } from 'node:net'
import t, { type Test } from 'tap'
import type { EdgeConfig } from '../../../proxy/config/config.ts'
import { readConfig } from '../../../proxy/config/load.ts'
import { Redirect } from '../../../proxy/listener/redirect.ts'
import type { AccessEntry } from '../../../proxy/record/access-line.ts'
import { yamlFor } from '../../doubles/edge.ts'
import { startHttp } from '../../doubles/listening.ts'

const config: EdgeConfig = readConfig(yamlFor({ web: 'http://127.0.0.1:1' }), 'edge.yaml', {})
const token = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'
const path = `/.well-known/acme-challenge/${token}`

/** :80 with one token to answer. @returns how to ask it, and what it recorded */
async function start(t: Test) {
  const entries: AccessEntry[] = []
  const asked: string[] = []
  const answerTo = (one: string): string | null => {
    asked.push(one)
    return one === token ? `${token}.thumbprint` : null
  }
  const redirect = new Redirect(
    () => config,
    () => 443,
    entry => entries.push(entry),
    answerTo
  )
  const { listener } = await startHttp(t, redirect)
  const ask = async (line: string, host = 'localhost', more = ''): Promise<string> => {
    const socket = connect(listener.port, '127.0.0.1')
    socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`)
    let text = ''
    for await (const chunk of socket) text += chunk
    return text
  }
  return { ask, asked, entries }
}

t.test('an authority gets the key authorization of its token, as bytes, and a line in the log', async t => {
  const { ask, entries } = await start(t)
  const answer = await ask(`GET ${path}`)
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(answer, /\r\ncontent-type: application\/octet-stream\r\n/)
  t.match(answer, /\r\ncontent-length: 54\r\n/)
  t.equal(answer.split('\r\n\r\n')[1], `${token}.thumbprint`)
  t.match(entries, [{ method: 'GET', path, status: 200, ended: 'complete', code: null }])
})

t.test('for any host: what only the peer serves is proved here too', async t => {
  const { ask } = await start(t)
  for (const host of ['elsewhere.example', '192.0.2.1', 'localhost:80', '[2001:db8::1]:80', 'peer.test.']) {
    t.match(await ask(`GET ${path}`, host), /^HTTP\/1\.1 200 .*\.thumbprint$/s, host)
  }
  t.match(await ask(`GET http://elsewhere.example${path}`, 'elsewhere.example'), /^HTTP\/1\.1 200 /)
})

t.test('HEAD is answered without a body; a query is no part of the token', async t => {
  const { ask, asked } = await start(t)
  const head = await ask(`HEAD ${path}`)
  t.match(head, /^HTTP\/1\.1 200 .*content-length: 54\r\n.*\r\n\r\n$/s)
  t.match(await ask(`GET ${path}?x=y?z`), /^HTTP\/1\.1 200 .*\.thumbprint$/s)
  t.match(await ask(`GET ${path}`, 'localhost', 'Content-Length: 0\r\n'), /^HTTP\/1\.1 200 /)
  t.strictSame(asked, [token, token, token])
})

t.test('another token is not found, nor sent on to https, whatever the host', async t => {
  const { ask, entries } = await start(t)
  for (const target of [`${path}x`, '/.well-known/acme-challenge/', `/.well-known/acme-challenge/../${token}`]) {
    for (const host of ['localhost', 'elsewhere.example']) {
      const answer = await ask(`GET ${target}`, host)
      t.match(answer, /^HTTP\/1\.1 404 .*EDGE_ROUTE_NOT_FOUND/s, target)
      t.notMatch(answer, /^location:/im)
    }
  }
  t.match(entries.at(-1), { status: 404, ended: 'edge', code: 'EDGE_ROUTE_NOT_FOUND' })
})

t.test('only GET and HEAD are an authority that asks', async t => {
  const { ask, asked } = await start(t)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) t.match(await ask(`${method} ${path}`), /^HTTP\/1\.1 404 /)
  t.strictSame(asked, [])
})

t.test('what is not under that path goes to https as ever', async t => {
  const { ask, asked } = await start(t)
  const answer = await ask(`GET /x${path}`)
  t.match(answer, new RegExp(`^HTTP/1\\.1 301 .*location: https://localhost/x${path}\r\n`, 's'))
  t.strictSame(asked, [])
})
