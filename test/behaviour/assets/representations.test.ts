import { readdir, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { RunningEdge } from '../../doubles/edge.ts'
import { until } from '../../doubles/edge-process.ts'
import { ask, protocols, valuesOf } from '../../doubles/foreign-client.ts'
import { buildTar, script, sendBuild, startAssetsEdge } from '../../fixtures/build.ts'

const content = script(300_000)
const picture = script(5_000, 7)
const path = '/_next/static/a.js'
const decoders = { br: brotliDecompressSync, zstd: zstdDecompressSync, gzip: gunzipSync }

/** An edge that has the file, and its three copies. */
async function start(t: Test): Promise<RunningEdge> {
  const { edge } = await startAssetsEdge(t)
  const plain = await sendBuild(edge.folder, buildTar({ 'a.js': content, 'a.png': picture, 'empty.css': '' }))
  t.equal(plain.status, 200)
  const hasAll = async (): Promise<boolean> => {
    const answer = await ask(t, edge, 'h1', { path, method: 'HEAD', headers: ['accept-encoding', 'gzip'] })
    return valuesOf(answer.headers, 'content-encoding').length > 0
  }
  await until(hasAll, 'gzip is the last copy that is made')
  return edge
}

for (const protocol of protocols) {
  t.test(`over ${protocol}, the bytes are the same in every coding, and each copy has its own tag`, async t => {
    const edge = await start(t)
    const tags = new Set<string>()
    for (const coding of ['br', 'zstd', 'gzip'] as const) {
      const answer = await ask(t, edge, protocol, { path, headers: ['accept-encoding', `${coding}, identity;q=0.5`] })
      t.same(valuesOf(answer.headers, 'content-encoding'), [coding])
      t.same(valuesOf(answer.headers, 'content-length'), [String(answer.body.length)])
      t.equal(decoders[coding](Buffer.from(answer.body, 'latin1')).toString(), content, coding)
      tags.add(valuesOf(answer.headers, 'etag')[0]!)
    }
    const identity = await ask(t, edge, protocol, { path })
    t.match(identity, { status: 200, body: content, isComplete: true })
    tags.add(valuesOf(identity.headers, 'etag')[0]!)
    t.equal(tags.size, 4)
    const png = await ask(t, edge, protocol, { path: '/_next/static/a.png', headers: ['accept-encoding', 'br'] })
    t.same([png.body, valuesOf(png.headers, 'content-encoding')], [picture, []])
  })

  t.test(`over ${protocol}, HEAD, 304, 206, 416 and an empty file are whole answers, one after the other`, async t => {
    const edge = await start(t)
    const [tag] = valuesOf((await ask(t, edge, protocol, { path })).headers, 'etag')
    const head = await ask(t, edge, protocol, { path, method: 'HEAD' })
    t.match(head, { status: 200, body: '', isComplete: true })
    t.same(valuesOf(head.headers, 'content-length'), ['300000'])
    const fresh = await ask(t, edge, protocol, { path, headers: ['if-none-match', tag!] })
    t.match(fresh, { status: 304, body: '', isComplete: true })
    t.same(valuesOf(fresh.headers, 'etag'), [tag])
    // In the middle, across the pieces in which it is sent, from memory.
    const part = await ask(t, edge, protocol, {
      path,
      headers: ['range', 'bytes=60000-200000', 'accept-encoding', 'br']
    })
    t.match(part, { status: 206, body: content.slice(60_000, 200_001), isComplete: true })
    t.same(valuesOf(part.headers, 'content-range'), ['bytes 60000-200000/300000'])
    t.match(await ask(t, edge, protocol, { path, headers: ['range', 'bytes=300000-'] }), {
      status: 416,
      body: '',
      isComplete: true
    })
    const empty = await ask(t, edge, protocol, { path: '/_next/static/empty.css' })
    t.match(empty, { status: 200, body: '', isComplete: true })
    t.same(valuesOf(empty.headers, 'content-length'), ['0'])
  })
}

t.test('a file that vanished from the disk is asked of the upstream, then and later', async t => {
  const { edge } = await startAssetsEdge(t)
  await sendBuild(edge.folder, buildTar({ 'a.js': content }))
  await rm(join(edge.folder, 'assets', 'blobs'), { recursive: true })
  t.match(await ask(t, edge, 'h2', { path }), { status: 200, body: 'of the upstream' })
  await edge.line(({ message }) => message === 'a kept file cannot be opened: the upstream answers')
  t.match(await ask(t, edge, 'h1', { path }), { body: 'of the upstream' })
  t.equal(
    edge.lines.filter(({ message }) => message === 'a kept file cannot be opened: the upstream answers').length,
    1
  )
})

t.test('a file that cannot be opened for now is asked of the upstream, and is served again later', async t => {
  const { edge } = await startAssetsEdge(t)
  await sendBuild(edge.folder, buildTar({ 'a.js': 'kept' }))
  const blobs = join(edge.folder, 'assets', 'blobs')
  const file = join(blobs, (await readdir(blobs))[0]!)
  await rename(file, `${file}.away`)
  await symlink(file, file) // refused as often as it is tried, as by a process that has no descriptor left
  t.match(await ask(t, edge, 'h1', { path }), { status: 200, body: 'of the upstream' })
  t.match(await edge.line(({ message }) => /cannot be opened/.test(`${message}`)), { detail: /ELOOP/ })
  await rename(`${file}.away`, file)
  t.match(await ask(t, edge, 'h1', { path }), { status: 200, body: 'kept' })
})
