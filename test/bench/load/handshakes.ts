// TLS 1.3 handshakes, as many as fit into a time; nothing is asked for, so that only the handshake is in the figure.
import { once } from 'node:events'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { answer } from './worker.ts'

export interface HandshakeTarget {
  readonly port: number
  readonly domain: string
  readonly ms: number
  /** True: with a ticket of an earlier connection, so without the certificate and its signature. */
  readonly isResumed: boolean
}
export interface HandshakeCount {
  readonly done: number
  readonly resumed: number
  readonly failed: number
}

const atOnce = 8

const verbs = {
  async run(target: HandshakeTarget): Promise<HandshakeCount> {
    const options: ConnectionOptions = {
      port: target.port,
      host: '127.0.0.1',
      servername: target.domain,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false
    }
    if (target.isResumed) options.session = await ticket(options)
    const count = { done: 0, resumed: 0, failed: 0 }
    const until = performance.now() + target.ms
    const connector = async (): Promise<void> => {
      while (performance.now() < until) await handshake(options, count)
    }
    await Promise.all(Array.from({ length: atOnce }, connector))
    return count
  }
}
export type HandshakeVerbs = typeof verbs
answer(verbs)

async function handshake(options: ConnectionOptions, count: Record<keyof HandshakeCount, number>): Promise<void> {
  const socket = connect(options)
  const closed = Promise.withResolvers<void>()
  let isSecure = false
  socket.on('error', () => {}).on('close', () => closed.resolve())
  socket.once('secureConnect', () => {
    isSecure = true
    if (socket.isSessionReused()) count.resumed++
    socket.end()
    socket.resume() // unread tickets would keep it from closing
  })
  await closed.promise
  if (isSecure) count.done++
  else count.failed++
}

async function ticket(options: ConnectionOptions): Promise<Buffer> {
  const socket: TLSSocket = connect(options)
  const [session] = (await once(socket, 'session', { signal: AbortSignal.timeout(5_000) })) as [Buffer]
  socket.destroy()
  return session
}
