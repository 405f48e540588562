// Somebody at, or instead of, an edge's link, in a process of its own: with whatever key and protocol. To ask one:
//   const intruder = ground.stranger.worker<IntruderVerbs>(new URL('intruder.ts', …))
//   const { bytes, code } = await intruder.ask('dial', { address: '10.99.0.1', port: 7443 })
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls'
import { answer } from '../../../bench/load/worker.ts'

export interface Secrets {
  readonly cert?: string
  readonly key?: string
  /** What is spoken: ALPN. */
  readonly protocol?: string
}

export interface Dialled {
  /** Of what the other end sent: inside TLS, if there is any. */
  readonly text: string
  /** On the wire. */
  readonly bytes: number
  /** What it ended with; '' for an ordinary end. */
  readonly code: string
}

const QUIET_AFTER_MS = 10_000
let asked = 0

const verbs = {
  /** Connects, says `text` (without TLS if that is `isPlain`) and tells what came until the other end closed. */
  async dial(wanted: Secrets & { address: string; port: number; text?: string; isPlain?: boolean }): Promise<Dialled> {
    const { address, port, text = '', isPlain = false } = wanted
    const raw = connectTcp(port, address)
    const socket = isPlain ? raw : connectTls({ ...optionsOf(wanted), socket: raw, servername: '' })
    const { promise, resolve } = Promise.withResolvers<void>()
    const said = { text: '', code: '' }
    socket.on('data', chunk => {
      said.text += chunk.toString('latin1')
    })
    for (const one of [raw, socket]) {
      one.on('error', (error: NodeJS.ErrnoException) => {
        said.code ||= error.code ?? error.message
      })
    }
    raw.on('close', () => resolve())
    raw.setTimeout(QUIET_AFTER_MS, () => {
      said.code ||= 'QUIET'
      raw.destroy()
    })
    socket.write(text)
    await promise
    return { ...said, bytes: raw.bytesRead }
  },
  /** Takes the place of an edge's link. */
  async listen(wanted: Secrets & { address: string; port: number }): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const count = (socket: Socket | TLSSocket): void => {
      asked++
      socket.on('error', () => socket.destroy())
    }
    const server = createServer({ ...optionsOf(wanted), requestCert: true }, count)
    server.on('tlsClientError', (_error, socket) => count(socket)).on('error', reject)
    server.listen(wanted.port, wanted.address, resolve)
    await promise
  },
  /** How often somebody came. */
  count(): number {
    return asked
  }
}
export type IntruderVerbs = typeof verbs
answer(verbs)

function optionsOf({ cert, key, protocol }: Secrets): object {
  const own = cert === undefined ? {} : { cert, key }
  return { ...own, ...(protocol && { ALPNProtocols: [protocol] }), rejectUnauthorized: false, minVersion: 'TLSv1.3' }
}
