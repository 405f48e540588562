import { readdir, readlink, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { connectRaw, readUntil } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { ask, openH2, protocols } from '../../doubles/foreign-client.ts'
import { buildTar, sendBuild, startAssetsEdge } from '../../fixtures/build.ts'

const tenMegabytes = Buffer.alloc(10 * 1024 * 1024, 'The quick brown fox. ')
const path = '/_next/static/film.mp4'
const clients = 20

/** Files of the store that this process has open. */
async function openFiles(folder: string): Promise<number> {
  const fds = await readdir('/proc/self/fd')
  const paths = await Promise.all(fds.map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return paths.filter(path => path.startsWith(join(folder, 'assets', 'blobs'))).length
}

for (const protocol of protocols) {
  t.test(
    `over ${protocol}, a large file to clients that do not read stays on disk, and is closed when they leave`,
    async t => {
      const { edge } = await startAssetsEdge(t)
      t.equal((await sendBuild(edge.folder, buildTar({ 'film.mp4': tenMegabytes }))).status, 200)
      const before = process.memoryUsage()
      const leave: (() => void)[] = []
      for (let i = 0; i < clients; i++) {
        if (protocol === 'h1') {
          const socket = await connectRaw(edge)
          socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
          await readUntil(socket, '\r\n\r\n')
          socket.pause()
          leave.push(() => socket.destroy())
        } else {
          const session = await openH2(t, edge)
          const stream = session.request({ ':path': path, ':authority': 'localhost' })
          await new Promise(resolve => stream.once('response', resolve))
          leave.push(() => session.destroy())
        }
      }
      t.equal(await openFiles(edge.folder), clients, 'each of them is being sent')
      const { arrayBuffers, external } = process.memoryUsage()
      const grown = arrayBuffers + external - before.arrayBuffers - before.external
      t.comment(`${clients} clients of 10 MB: +${Math.round(grown / 1024)} KB of buffers, both ends`)
      t.ok(grown < 5 * tenMegabytes.length, 'nothing like all of it')
      for (const each of leave) each()
      await until(async () => (await openFiles(edge.folder)) === 0, 'the files are closed')
      const lines = edge.lines.filter(line => line.path === path)
      t.equal(lines.length, clients)
      for (const line of lines) t.match(line, { ended: 'client', code: 'EDGE_CLIENT_CLOSED', status: 200 })
    }
  )

  t.test(`over ${protocol}, a client that reads gets all of it`, async t => {
    const { edge } = await startAssetsEdge(t)
    await sendBuild(edge.folder, buildTar({ 'film.mp4': tenMegabytes }))
    const answer = await ask(t, edge, protocol, { path })
    t.equal(answer.isComplete, true)
    t.ok(tenMegabytes.equals(Buffer.from(answer.body, 'latin1')))
    const part = await ask(t, edge, protocol, { path, headers: ['range', 'bytes=5000000-5999999'] })
    t.equal(part.status, 206)
    t.ok(tenMegabytes.subarray(5_000_000, 6_000_000).equals(Buffer.from(part.body, 'latin1')))
    t.equal(await openFiles(edge.folder), 0)
  })

  t.test(`over ${protocol}, a file that ends too early on disk is an abort, never a clean end`, async t => {
    const { edge } = await startAssetsEdge(t)
    await sendBuild(edge.folder, buildTar({ 'film.mp4': tenMegabytes }))
    const blobs = join(edge.folder, 'assets', 'blobs')
    await truncate(join(blobs, (await readdir(blobs))[0]!), 1_000_000)
    const answer = await ask(t, edge, protocol, { path })
    t.equal(answer.isComplete, false)
    t.match(await edge.line(line => line.path === path), {
      code: 'EDGE_INTERNAL',
      ended: 'edge',
      detail: /it ends after/
    })
    t.equal(await openFiles(edge.folder), 0)
  })
}

t.test('small files that memory has given up are not kept by clients that do not read', async t => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const { edge } = await startAssetsEdge(t)
  // More than the 16 MB that are remembered, so that each client's was given up for another one's.
  const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i}.png`, Buffer.alloc(500_000, `${i} `)]))
  await sendBuild(edge.folder, buildTar(files))
  const session = await openH2(t, edge)
  collect()
  const before = process.memoryUsage().arrayBuffers
  const streams = Array.from({ length: 100 }, (_, i) =>
    session.request({ ':path': `/_next/static/${i % 40}.png`, ':authority': 'localhost' })
  )
  await Promise.all(streams.map(stream => new Promise(resolve => stream.once('response', resolve))))
  const grown = (): number => {
    collect()
    return process.memoryUsage().arrayBuffers - before
  }
  await until(() => grown() < 40_000_000, 'less than 50 MB: 16 MB, and a piece for each at both ends')
  t.equal(await openFiles(edge.folder), 0)
  t.comment(`100 clients of 500 KB: +${Math.round(grown() / 1024)} KB of buffers, both ends`)
  const last = streams.pop()
  // What they do not take is the connection's window.
  for (const stream of streams) stream.close()
  let bytes = 0
  last!.on('data', chunk => (bytes += chunk.length))
  await new Promise(resolve => last!.once('end', resolve))
  t.equal(bytes, 500_000, 'who reads after all gets the rest')
})
