import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeLeaf, makeRoot } from '../../../../proxy/tls/local-certificate.ts'
import type { Owner } from '../../../doubles/pebble/program.ts'

export interface Scripted {
  readonly directory: string
  readonly ca: string
  /** `POST /order`, in the order in which they came. */
  readonly asked: string[]
  /** What was signed and posted last to each path. */
  readonly payloads: Record<string, unknown>
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void
export type Script = Readonly<Record<string, Answer>>

/**
 * An authority that says what a test wants said, where Pebble does not: limits, clocks, nonsense. What the script does
 * not name is answered as a good one would, as far as an account.
 * @param issuedAt when its own certificate (of 90 days) was made
 */
export async function startScripted(t: Owner, script: Script, issuedAt = new Date()): Promise<Scripted> {
  const root = await makeRoot(new Date(Math.min(issuedAt.getTime(), Date.now())))
  const leaf = await makeLeaf(root, ['127.0.0.1'], issuedAt)
  const asked: string[] = []
  const payloads: Record<string, unknown> = {}
  const server = createTlsServer({ cert: leaf.cert, key: leaf.key }, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.setHeader('replay-nonce', `nonce-${asked.length}`)
    let body = ''
    request.setEncoding('utf8').on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      if (request.method === 'POST') payloads[request.url!] = payloadOf(body)
      const answer = script[request.url!] ?? usual[request.url!] ?? notFound
      answer(request, response)
    })
  })
  const port = await listen(t, server)
  return { directory: `https://127.0.0.1:${port}/dir`, ca: root.cert, asked, payloads }
}

/** Null for what is asked for by POST (POST-as-GET). */
function payloadOf(jws: string): unknown {
  return JSON.parse(Buffer.from(JSON.parse(jws).payload, 'base64url').toString() || 'null')
}

/** Accepts, and never says a word. */
export async function startBlackHole(t: Owner): Promise<Scripted> {
  const asked: string[] = []
  const port = await listen(
    t,
    createServer(request => void asked.push(`${request.method} ${request.url}`))
  )
  return { directory: `http://127.0.0.1:${port}/dir`, ca: '', asked, payloads: {} }
}

async function listen(
  t: Owner,
  server: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>
): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

export function problem(status: number, type: string, detail: string, headers: Record<string, string> = {}): Answer {
  return json(status, { type: `urn:ietf:params:acme:error:${type}`, detail, status }, headers)
}

/** A directory with `more` in it. */
export function directory(more: Record<string, string> = {}, headers: Record<string, string> = {}): Answer {
  return (request, response) => {
    const at = (path: string): string => `https://${request.headers.host}${path}`
    const extra = Object.fromEntries(Object.entries(more).map(([name, path]) => [name, at(path)]))
    const body = { newNonce: at('/nonce'), newAccount: at('/account'), newOrder: at('/order'), ...extra }
    json(200, body, headers)(request, response)
  }
}

const notFound = problem(404, 'malformed', 'no such page')

const usual: Script = {
  '/dir': directory(),
  '/nonce': json(200, ''),
  '/account': (request, response) =>
    json(200, { status: 'valid' }, { location: `https://${request.headers.host}/account/1` })(request, response),
  '/account/1': json(200, { status: 'valid' })
}
