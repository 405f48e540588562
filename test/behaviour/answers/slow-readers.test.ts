import t from 'tap'
import { connectRaw, startEdge, yamlFor } from '../../doubles/edge.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

// They wait more than they work.
t.jobs = 2

/** Between these sizes lies the one at which the last bytes wait inside the edge while the kernel's buffers are full. */
const STEP_BYTES = 24 * 1024
const LINGER_MS = 5_000

const cases = [
  { what: 'the last answer of a connection', field: 'Connection: close\r\n', limits: '' },
  { what: 'an answer with a shorter keep-alive behind it', field: '', limits: 'limits: { keep-alive: 1s }\n' }
]

for (const { what, field, limits } of cases)
  t.test(`${what} is whole, however long its client takes to begin reading`, { timeout: 60_000 }, async t => {
    let size = 0
    const upstream = await startRawUpstream(t, socket => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      socket.write(Buffer.alloc(size, 'a'))
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }, limits))
    const stalled = async (bytes: number) => {
      size = bytes
      const client = await connectRaw(edge)
      client.pause()
      client.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${field}\r\n`)
      await upstream.seen('GET /')
      return client
    }
    const probe = await stalled(30_000_000)
    await new Promise(resolve => setTimeout(resolve, 1_500))
    probe.destroy()
    const line = await edge.line(({ status }) => status === 200)
    const full = line.out as number
    const clients = []
    for (let step = -5; step <= 2; step++) {
      const bytes = full + step * STEP_BYTES
      clients.push({ bytes, client: await stalled(bytes) })
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    await new Promise(resolve => setTimeout(resolve, LINGER_MS + 1_500))
    for (const { bytes, client } of clients) {
      let got = 0
      client.on('data', chunk => {
        got += chunk.length
      })
      client.resume()
      await new Promise(resolve => client.once('close', resolve))
      t.ok(got > bytes, `all of ${bytes} bytes: ${got} with the head`)
    }
  })
