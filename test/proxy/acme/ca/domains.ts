import { createHash, generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Order } from '../../../../proxy/acme/authority.ts'
import { Challenges } from '../../../../proxy/acme/challenges.ts'
import type { Pebble } from '../../../doubles/pebble/pebble.ts'
import type { Owner } from '../../../doubles/pebble/program.ts'

const PATH = '/.well-known/acme-challenge/'

/** The two listeners of an edge, as far as an authority sees them. */
export interface Domains {
  readonly challenges: Challenges
  readonly accountKey: string
  readonly httpPort: number
  readonly tlsPort: number
  /** Paths that were asked for on :80. */
  readonly asked: string[]
}

export async function listenForAuthority(t: Owner): Promise<Domains> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const accountKey = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' })
  const challenges = new Challenges()
  challenges.thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  const asked: string[] = []
  const http = createServer((request, response) => {
    asked.push(request.url!)
    const answer = request.url!.startsWith(PATH) ? challenges.answerTo(request.url!.slice(PATH.length)) : null
    response.writeHead(answer === null ? 404 : 200).end(answer ?? '')
  })
  const tls = createTlsServer({
    ALPNProtocols: ['acme-tls/1'],
    SNICallback: (name, done) => done(null, challenges.alpnContextFor(name))
  })
  tls.on('secureConnection', socket => socket.end()).on('tlsClientError', () => {})
  const servers = [http, tls]
  await Promise.all(servers.map(server => new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))))
  t.teardown(() => {
    http.closeAllConnections()
    for (const server of servers) server.close()
  })
  const [httpPort, tlsPort] = servers.map(server => (server.address() as AddressInfo).port)
  return { challenges, accountKey, asked, httpPort: httpPort!, tlsPort: tlsPort! }
}

export function orderOf(
  pebble: Pick<Pebble, 'directory' | 'ca'>,
  accountKey: string,
  domains: readonly string[],
  more: Partial<Order> = {}
): Order {
  return {
    directory: { url: pebble.directory, ca: pebble.ca },
    accountKey,
    email: null,
    eab: null,
    domains,
    profile: null,
    keyType: 'ecdsa',
    challenges: ['http-01'],
    replaces: null,
    ...more
  }
}
