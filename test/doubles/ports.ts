import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that the kernel gives to whoever asks for any: one of these is somebody else's connection a moment later. */
const first = 16_000
const count = 16_000
/** So that processes which run side by side begin apart. */
let next = (process.pid * 37) % count

/** Ports of 127.0.0.1 that nobody listens on, and that this process has not had lately. */
export async function freePorts(wanted: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < wanted) {
    const port = first + (next++ % count)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
