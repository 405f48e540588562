import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import type { EdgeConfig } from '../../proxy/config/config.ts'
import { readConfig } from '../../proxy/config/load.ts'
import { Edge } from '../../proxy/edge.ts'
import { createLog } from '../../proxy/record/log.ts'

/** The real edge, in this process, on ports of the kernel's choice and a local authority in a folder of its own. */
export interface RunningEdge {
  readonly edge: Edge
  readonly httpPort: number
  readonly httpsPort: number
  /** PEM of the local authority. */
  readonly ca: string
  readonly folder: string
  /** Every log line so far, parsed. */
  readonly lines: Record<string, unknown>[]
  /** What the next `edge.reload()` reads. */
  setYaml(yaml: string): void
  /** Resolves with the first log line, past or future, that `wanted` accepts; the test's own timeout bounds it. */
  line(wanted: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
}

/** Enough to talk to an edge, wherever it runs. */
export type Reachable = Pick<RunningEdge, 'httpsPort' | 'ca'>

/** @param origins upstream name → origin; the first one also gets everything outside its own `/name/` */
export function yamlFor(origins: Record<string, string>, more = '', route = ''): string {
  const names = Object.keys(origins)
  const upstreams = names.map(name => `  ${name}: { origin: "${origins[name]}" }`).join('\n')
  const routes = names.map(name => `  - { path: /${name}/, upstream: ${name}${route} }`).join('\n')
  return `server: single
domains: [localhost, example.test]
listen: { http: "127.0.0.1:0", https: "127.0.0.1:0" }
upstreams:
${upstreams}
routes:
${routes}
  - { path: /, upstream: ${names[0]}${route} }
${more}`
}

/** Starts an edge that stops with the test. */
export async function startEdge(t: Test, yaml: string, stateFolder?: string): Promise<RunningEdge> {
  const folder = stateFolder ?? (await mkdtemp(join(tmpdir(), 'twinedge-')))
  const lines: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  const destination = {
    write(line: string): void {
      lines.push(JSON.parse(line))
      for (const look of waiting) look()
    }
  }
  let current = yaml
  const load = async (): Promise<EdgeConfig> => {
    const text = /^state:/m.test(current) ? current : `${current}\nstate: "${folder}"\n`
    return readConfig(/^grace:/m.test(text) ? text : `${text}grace: 1s\n`, join(folder, 'edge.yaml'), {})
  }
  const log = createLog({ level: 'info', pretty: false, destination })
  const edge = await Edge.start({ load, log, configFile: null, version: '0.0.0' })
  t.teardown(async () => {
    await edge.stop()
    if (stateFolder === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const ca = await readFile(join(folder, 'local-ca', 'root.pem'), 'utf8').catch(() => '')
  return {
    edge,
    ca,
    folder,
    lines,
    httpPort: edge.port('http'),
    httpsPort: edge.port('https'),
    setYaml(next) {
      current = next
    },
    line(wanted) {
      const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>()
      const look = (): void => {
        const found = lines.find(wanted)
        if (found === undefined) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
      return promise
    }
  }
}

/** A raw TLS connection to the edge, by HTTP/1.1 unless ALPN says otherwise. */
export async function connectRaw(running: Reachable, protocol: 'http/1.1' | 'h2' = 'http/1.1'): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const options = { port: running.httpsPort, host: '127.0.0.1', servername: 'localhost', ca: running.ca }
  const socket = connectTls({ ...options, ALPNProtocols: [protocol] }, () => resolve(socket))
  socket.once('error', reject)
  await promise
  socket.off('error', reject)
  socket.on('error', () => {})
  return socket
}

/** All that the edge sends until it closes, one latin1 character per byte. */
export async function readAll(socket: TLSSocket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  socket.once('close', () => resolve(text))
  return promise
}

/** What the edge sends up to and including `mark`. */
export async function readUntil(socket: TLSSocket, mark: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const onData = (chunk: Buffer): void => {
    text += chunk.toString('latin1')
    if (!text.includes(mark)) return
    socket.off('data', onData)
    socket.off('close', onClose)
    resolve(text)
  }
  const onClose = (): void => reject(new Error(`closed before ${JSON.stringify(mark)}: ${JSON.stringify(text)}`))
  socket.on('data', onData)
  socket.once('close', onClose)
  return promise
}
