import t from 'tap'
import { connectRaw, readAll, startEdge, yamlFor } from '../../doubles/edge.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const REQUESTS = 2_000
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n${'a'.repeat(60_000)}`

t.test(
  'a client that pipelines and does not read is asked nothing more of, then gets all',
  { timeout: 60_000 },
  async t => {
    let asked = 0
    const upstream = await startRawUpstream(t, socket => {
      asked++
      socket.write(ANSWER)
    })
    const edge = await startEdge(t, yamlFor({ web: upstream.origin }))
    const client = await connectRaw(edge)
    client.pause()
    const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
    client.write(request.repeat(REQUESTS - 1))
    client.write(request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    for (let last = -1; last !== asked; ) {
      last = asked
      await new Promise(resolve => setTimeout(resolve, 1_000))
    }
    t.ok(asked < REQUESTS / 4, `${asked} of ${REQUESTS}: what the kernel's buffers hold`)
    const all = readAll(client)
    client.resume()
    t.equal((await all).split('HTTP/1.1 200 OK').length - 1, REQUESTS)
  }
)
