import { createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../config/config.ts'
import { EdgeError } from '../errors.ts'
import type { Admission } from './admission.ts'
import type { ClientConnection } from './context.ts'

/** Takes a TCP connection that was admitted. */
export type OnConnection = (socket: Socket) => void

/** One bound port: accepts, counts, and knows what is open, so that it can stop without cutting anything. */
export class Listener {
  readonly address: Address
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #open = new Set<ClientConnection>()
  #isStopping = false

  constructor(address: Address, admission: Pick<Admission, 'admit' | 'release'>, onConnection: OnConnection) {
    this.address = address
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, socket => {
      socket.on('error', () => socket.destroy())
      const clientAddress = plainAddress(socket.remoteAddress)
      if (!admission.admit(clientAddress)) return void socket.resetAndDestroy()
      this.#sockets.add(socket)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        admission.release(clientAddress)
      })
      onConnection(socket)
    })
  }

  /** @throws EdgeError EDGE_PORT_TAKEN, EDGE_PORT_FORBIDDEN, EDGE_ADDRESS_MISSING */
  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', error => reject(failureOfListen(error, this.address)))
    this.#server.listen({ host: this.address.host, port: this.address.port, backlog: 1024 }, resolve)
    await promise
  }

  /** The port in use; the kernel's choice when the address said 0. */
  get port(): number {
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? bound.port : this.address.port
  }

  hold(connection: ClientConnection, socket: Socket): void {
    this.#open.add(connection)
    socket.once('close', () => this.#open.delete(connection))
    // Its handshake was under way when stop() looked for what is idle.
    if (this.#isStopping) connection.finish()
  }

  /** No new connections; those that are open close as they become idle. Resolves when all are gone. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    for (const connection of this.#open) connection.finish()
    await promise
  }

  /** The grace is over. */
  destroyAll(): void {
    for (const connection of this.#open) connection.destroy()
    // Those in a handshake belong to nobody yet.
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** `::ffff:192.0.2.1` is 192.0.2.1. */
export function plainAddress(address = ''): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function failureOfListen(error: NodeJS.ErrnoException, address: Address): EdgeError {
  const where = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
  if (error.code === 'EADDRINUSE') return new EdgeError('EDGE_PORT_TAKEN', `${where} is in use`, error)
  if (error.code === 'EACCES') return new EdgeError('EDGE_PORT_FORBIDDEN', `${where} needs a privilege`, error)
  return new EdgeError('EDGE_ADDRESS_MISSING', `${where}: ${error.message}`, error)
}

/**
 * A port that is none of the front's.
 * @param admits others get a reset, and nothing else
 * @throws EdgeError EDGE_PORT_TAKEN, EDGE_PORT_FORBIDDEN, EDGE_ADDRESS_MISSING
 */
export async function openDoor(
  address: Address,
  admits: (clientAddress: string) => boolean,
  onConnection: OnConnection
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const listener = new Listener(address, { admit: admits, release() {} }, onConnection)
  await listener.start()
  return { port: listener.port, close: () => listener.stop() }
}
