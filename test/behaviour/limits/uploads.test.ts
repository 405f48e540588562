import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { connectRaw, type RunningEdge, readUntil, startEdge, yamlFor } from '../../doubles/edge.ts'
import { openH2 } from '../../doubles/foreign-client.ts'

const UPLOAD_BYTES = 64 * 1024 * 1024
const PIECE = Buffer.alloc(65_536, 'x')
/** Sockets' buffers, which the kernel lets grow to some MB each, and our own on both sides. */
const MOST_IN_BETWEEN_BYTES = 32 * 1024 * 1024
const MOST_HELD_BYTES = 24 * 1024 * 1024

/** Takes nothing of an upload until `open()`, then counts it. */
async function startSlowUpstream(t: Test): Promise<{ server: Server; origin: string; open(): void }> {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const server = createServer(async (request, answer) => {
    await opened
    let bytes = 0
    for await (const chunk of request) bytes += chunk.length
    answer.end(String(bytes))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open }
}

/** Writes as fast as it is taken, and tells how much was. */
class Uploader {
  sent = 0
  readonly #to: Writable
  constructor(to: Writable) {
    this.#to = to
    to.on('drain', () => this.#send())
    this.#send()
  }

  #send(): void {
    while (this.sent < UPLOAD_BYTES) {
      this.sent += PIECE.length
      if (!this.#to.write(PIECE)) return
    }
  }

  /** Resolves when nothing more has been taken for a second. */
  async stuck(): Promise<number> {
    for (let last = -1; last !== this.sent; ) {
      last = this.sent
      await new Promise(resolve => setTimeout(resolve, 1_000))
    }
    return this.sent
  }
}

function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const uploads = {
  async h1(_t: Test, edge: RunningEdge) {
    const client = await connectRaw(edge)
    client.write(`POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`)
    const counted = readUntil(client, `\r\n\r\n${UPLOAD_BYTES}`)
    return { client, counted, done: () => client.destroy() }
  },
  async h2(t: Test, edge: RunningEdge) {
    const session = await openH2(t, edge)
    const client = session.request({ ':method': 'POST', ':path': '/up', ':authority': 'localhost' })
    const counted = new Promise<string>(resolve => client.once('data', data => resolve(String(data))))
    return { client, counted, done: () => session.destroy() }
  }
}

for (const [protocol, upload] of Object.entries(uploads)) {
  t.test(
    `an upload waits in the client while the upstream takes nothing, then arrives whole (${protocol})`,
    async t => {
      const upstream = await startSlowUpstream(t)
      const edge = await startEdge(t, yamlFor({ web: upstream.origin }, '', ', body: 100m'))
      const { client, counted, done } = await upload(t, edge)
      const before = heldBytes()
      const uploader = new Uploader(client)
      const sent = await uploader.stuck()
      t.ok(sent < MOST_IN_BETWEEN_BYTES, `the client got rid of ${sent >> 20} MB, then had to wait`)
      const held = heldBytes() - before
      t.ok(held < MOST_HELD_BYTES, `${held >> 10} KB of it are held in this process`)
      upstream.open()
      const end = (): void => {
        if (uploader.sent < UPLOAD_BYTES) setImmediate(end)
        else if (protocol === 'h2') client.end()
      }
      end()
      t.match(await counted, String(UPLOAD_BYTES))
      done()
    }
  )
}
