import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A registry of images on 127.0.0.1, in memory: as much of it as pushing and pulling need. */
export interface Registry {
  /** 127.0.0.1:PORT, which engines take without TLS. */
  readonly host: string
  readonly port: number
  /** A socket on disk, for whoever has another 127.0.0.1: by `ssh -R`. */
  readonly socket: string
  /** Forgets all it has. */
  clear(): void
}

interface Owner {
  teardown(stop: () => unknown): void
}

export async function startRegistry(t: Owner): Promise<Registry> {
  const held = new Map<string, { type: string; body: Buffer }>()
  const uploads = new Map<string, Buffer>()
  const folder = mkdtempSync(join(tmpdir(), 'te-registry-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const socket = join(folder, 'socket')
  const listen = async (...place: [number, string] | [string]): Promise<AddressInfo> => {
    const server = createServer((request, response) => void answer(request, response, held, uploads))
    await new Promise<void>(resolve => server.listen(...(place as [number, string]), resolve))
    t.teardown(() => server.close().closeAllConnections())
    return server.address() as AddressInfo
  }
  const { port } = await listen(0, '127.0.0.1')
  await listen(socket)
  return { host: `127.0.0.1:${port}`, port, socket, clear: () => held.clear() }
}

type Held = Map<string, { type: string; body: Buffer }>

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  held: Held,
  uploads: Map<string, Buffer>
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://registry')
  const say = (status: number, headers: Record<string, string> = {}, content?: Buffer): void =>
    void response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : content)
  const keep = (name: string, type: string, content: Buffer): void => {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
    for (const each of [name, digest]) held.set(each, { type, body: content })
    say(201, { 'docker-content-digest': digest, location: pathname })
  }
  const last = pathname.split('/').at(-1) ?? ''
  if (pathname.endsWith('/v2/')) return say(200)
  if (request.method === 'POST') return say(202, { location: `${pathname}${randomUUID()}` })
  if (request.method === 'PATCH') {
    const all = Buffer.concat([uploads.get(pathname) ?? Buffer.alloc(0), body])
    uploads.set(pathname, all)
    return say(202, { location: pathname, range: `0-${all.length - 1}` })
  }
  if (request.method === 'PUT' && pathname.includes('/manifests/')) {
    return keep(last, request.headers['content-type'] ?? '', body)
  }
  if (request.method === 'PUT') {
    const digest = searchParams.get('digest') ?? ''
    return keep(digest, 'application/octet-stream', Buffer.concat([uploads.get(pathname) ?? Buffer.alloc(0), body]))
  }
  const found = held.get(last)
  if (found === undefined) return say(404, { 'content-type': 'application/json' }, Buffer.from('{"errors":[]}'))
  const digest = `sha256:${createHash('sha256').update(found.body).digest('hex')}`
  const about = { 'content-type': found.type, 'content-length': String(found.body.length) }
  say(200, { ...about, 'docker-content-digest': digest }, found.body)
}
