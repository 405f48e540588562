import { chmod, lstat, mkdir, rm } from 'node:fs/promises'
import { type AddressInfo, connect, isIPv4 } from 'node:net'
import { dirname } from 'node:path'
import type { Address } from '../config/config.ts'
import { EdgeError, type FailureCode } from '../errors.ts'

/** What this file needs of Fastify, whose home is server.ts. */
interface Listener {
  listen(place: { path: string } | { host: string; port: number }): Promise<unknown>
  readonly server: { address(): AddressInfo | string | null }
}

/** sun_path of sockaddr_un on Linux holds 108 bytes, the last of which is 0. */
const longestPath = 107
const portFailures: Record<string, FailureCode> = {
  EADDRINUSE: 'EDGE_PORT_TAKEN',
  EACCES: 'EDGE_PORT_FORBIDDEN',
  EADDRNOTAVAIL: 'EDGE_ADDRESS_MISSING'
}

/** Opens the socket for this user alone, in the place of one that a dead edge left behind. */
export async function listenOnSocket(app: Listener, path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestPath) {
    throw new EdgeError('EDGE_STATE_UNWRITABLE', `a socket's path has at most ${longestPath} bytes: ${path}`)
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await removeIfDead(path)
    await app.listen({ path })
    await chmod(path, 0o600)
  } catch (cause) {
    if (cause instanceof EdgeError) throw cause
    if (errno(cause) === 'EADDRINUSE') throw new EdgeError('EDGE_ALREADY_RUNNING', `${path} was just taken`, cause)
    throw new EdgeError('EDGE_STATE_UNWRITABLE', `${path}: ${(cause as Error).message}`, cause)
  }
}

/** @returns the port, chosen by the kernel when `address.port` is 0 */
export async function listenOnLoopback(app: Listener, { host, port }: Address): Promise<number> {
  if (host !== '::1' && host !== 'localhost' && !(isIPv4(host) && host.startsWith('127.'))) {
    throw new EdgeError('CONFIG_INVALID', `control.listen: ${host} is no loopback address (127.0.0.1, ::1)`)
  }
  try {
    await app.listen({ host, port })
    return (app.server.address() as AddressInfo).port
  } catch (cause) {
    const code = portFailures[errno(cause)]
    if (code === undefined) throw cause
    throw new EdgeError(code, `control.listen: ${host} port ${port}`, cause)
  }
}

async function removeIfDead(path: string): Promise<void> {
  const found = await lstat(path).catch(cause => {
    if (errno(cause) === 'ENOENT') return null
    throw cause
  })
  if (found === null) return
  // connect() to a plain file is refused as well: without this look, an operator's file would be deleted.
  if (!found.isSocket()) throw new EdgeError('EDGE_STATE_UNWRITABLE', `${path} is there and is not a socket`)
  const refusal = await knock(path)
  if (refusal === null) throw new EdgeError('EDGE_ALREADY_RUNNING', `another edge answers at ${path}`)
  if (errno(refusal) !== 'ECONNREFUSED' && errno(refusal) !== 'ENOENT') throw refusal
  await rm(path, { force: true })
}

/** @returns null when somebody listens there */
function knock(path: string): Promise<Error | null> {
  const { promise, resolve } = Promise.withResolvers<Error | null>()
  const socket = connect({ path })
  socket.once('connect', () => resolve(null))
  socket.once('error', resolve)
  return promise.finally(() => socket.destroy())
}

function errno(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? ''
}
