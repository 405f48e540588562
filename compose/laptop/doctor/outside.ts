import { request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, getCACertificates, type TLSSocket } from 'node:tls'
import type { HandshakeEvidence, OutsideEvidence, PageEvidence, PortEvidence } from './evidence.ts'

/** Longer than the way around the world and back, thrice. */
const patienceMs = 3_000
const pageMs = 15_000

export interface Doors {
  readonly address: string
  readonly domains: readonly string[]
  readonly paths: readonly string[]
  readonly httpPort: number
  readonly httpsPort: number
  readonly linkPort: number
}

/** What a stranger sees of a server, from this machine. */
export async function lookFromOutside(doors: Doors): Promise<OutsideEvidence> {
  const { address, domains, paths, httpPort, httpsPort, linkPort } = doors
  const asked = [...new Set([httpPort, httpsPort, linkPort, 3000, 8000])]
  const ports = await Promise.all(asked.map(port => knock(address, port)))
  const isOpen = ports.some(({ port, is }) => port === httpsPort && is === 'open')
  const [handshakes, pages] = await Promise.all([
    Promise.all(isOpen ? domains.map(domain => shakeHands(address, httpsPort, domain)) : []),
    Promise.all(isOpen ? paths.map(path => ask(doors, path)) : [])
  ])
  return { httpPort, httpsPort, linkPort, ports, handshakes, pages }
}

function knock(host: string, port: number): Promise<PortEvidence> {
  const { promise, resolve } = Promise.withResolvers<PortEvidence>()
  const socket = connectTcp({ host, port, timeout: patienceMs })
  const end = (is: PortEvidence['is']): void => {
    resolve({ port, is })
    socket.destroy()
  }
  socket.once('connect', () => end('open'))
  socket.once('timeout', () => end('silent'))
  socket.once('error', (cause: NodeJS.ErrnoException) => end(cause.code === 'ECONNREFUSED' ? 'closed' : 'silent'))
  return promise
}

function shakeHands(host: string, port: number, domain: string): Promise<HandshakeEvidence> {
  const { promise, resolve } = Promise.withResolvers<HandshakeEvidence>()
  const refuse = (refused: string): void => {
    resolve({ domain, refused, distrust: null, issuer: '' })
    socket.destroy()
  }
  const socket = connectTls({ ...trust(domain), host, port, timeout: patienceMs })
  socket.once('secureConnect', () => {
    resolve({ domain, refused: null, distrust: distrustOf(socket), issuer: issuerOf(socket) })
    socket.destroy()
  })
  socket.once('timeout', () => refuse('no answer'))
  socket.once('error', cause => refuse(cause.message))
  return promise
}

/** Whatever it shows is looked at: what a browser would make of it is told, not thrown. */
function trust(domain: string) {
  const ca = [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
  return { servername: domain, rejectUnauthorized: false, ca }
}

function distrustOf(socket: TLSSocket): string | null {
  if (socket.authorized) return null
  const { message, code } = socket.authorizationError as Error & { code?: string }
  return message ?? code ?? String(socket.authorizationError)
}

function issuerOf(socket: TLSSocket): string {
  const { issuer } = socket.getPeerCertificate()
  return String(issuer?.O ?? issuer?.CN ?? 'nobody')
}

function ask({ address, httpsPort, domains }: Doors, path: string): Promise<PageEvidence> {
  const [domain = 'localhost'] = domains
  const { promise, resolve } = Promise.withResolvers<PageEvidence>()
  const asked = request({
    ...trust(domain),
    ...{ host: address, port: httpsPort, path, agent: false, timeout: pageMs },
    headers: { host: domain, 'user-agent': 'twinedge-doctor' }
  })
  asked.once('response', response => {
    let text = ''
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text = `${text}${chunk}`.slice(0, 2_000)
    })
    response.once('close', () => {
      const code = /\b(?:EDGE|LINK|TLS)_[A-Z_]+\b/.exec(text)?.[0] ?? ''
      resolve({ path, status: response.statusCode ?? null, said: code })
    })
  })
  asked.once('timeout', () => asked.destroy(new Error('no answer within 15 s')))
  asked.once('error', cause => resolve({ path, status: null, said: cause.message }))
  asked.end()
  return promise
}
