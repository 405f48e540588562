import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** An upstream that does exactly what the test says, byte by byte, and remembers what reached it. */
export interface RawUpstream {
  readonly origin: string
  readonly port: number
  readonly connections: Socket[]
  /** Every byte that reached it, over all connections, one latin1 character per byte. */
  received(): string
  /** Resolves once `received()` contains `mark`. */
  seen(mark: string): Promise<void>
}

/** @param onRequest called with each chunk that ends a head (or whatever the test waits for) */
export async function startRawUpstream(
  t: Test,
  onData: (socket: Socket, text: string, connection: number) => void
): Promise<RawUpstream> {
  const connections: Socket[] = []
  const waiting = new Set<() => void>()
  let all = ''
  const server = createServer({ noDelay: true }, socket => {
    const index = connections.push(socket) - 1
    socket.on('error', () => {})
    socket.on('data', chunk => {
      const text = chunk.toString('latin1')
      all += text
      for (const look of waiting) look()
      onData(socket, text, index)
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const { port } = server.address() as { port: number }
  t.teardown(() => {
    for (const socket of connections) socket.destroy()
    server.close()
  })
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    connections,
    received: () => all,
    seen(mark) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = (): void => {
        if (!all.includes(mark)) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
      return promise
    }
  }
}
