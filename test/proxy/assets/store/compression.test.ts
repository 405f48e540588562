import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { Compression } from '../../../../proxy/assets/store/compression.ts'
import { AssetStore } from '../../../../proxy/assets/store/store.ts'
import { until } from '../../../doubles/edge-process.ts'
import { buildTar, script } from '../../../fixtures/build.ts'

const limits = { keepMs: 1000, bytes: 10_000_000 }
const decoders = { br: brotliDecompressSync, zstd: zstdDecompressSync, gzip: gunzipSync }

async function storeWith(
  t: Test,
  files: Record<string, string | Buffer>
): Promise<{ store: AssetStore; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'te-store-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const store = new AssetStore(folder)
  await store.load(() => {})
  await store.take(Readable.from([buildTar(files)]), limits)
  return { store, folder }
}

function compressionOf(store: AssetStore): { compression: Compression; warnings: string[] } {
  const warnings: string[] = []
  return { warnings, compression: new Compression(store.blobs, message => warnings.push(message)) }
}

t.test('each copy is the file, and smaller', async t => {
  const content = script(100_000)
  const { store, folder } = await storeWith(t, { 'a.js': content })
  const { compression, warnings } = compressionOf(store)
  const { hash } = store.find('a.js')!
  compression.want([hash])
  await compression.idle()
  for (const coding of ['br', 'zstd', 'gzip'] as const) {
    const copy = await readFile(store.blobs.pathOf(hash, coding))
    t.equal(decoders[coding](copy).toString(), content, coding)
    t.equal(store.find('a.js')?.copies.get(coding), copy.length)
    t.ok(copy.length < 50_000, `${coding}: ${copy.length}`)
  }
  t.same(warnings, [])
  const after = new AssetStore(folder)
  await after.load(() => {})
  t.same(after.find('a.js'), store.find('a.js'), 'a restart finds them')
})

t.test('what does not get smaller by a twentieth stays as it came, and is not tried again', async t => {
  const { store, folder } = await storeWith(t, { 'noise.js': randomBytes(5000), 'tiny.js': script(900) })
  const { compression } = compressionOf(store)
  const [noise, tiny] = [store.find('noise.js')!, store.find('tiny.js')!]
  compression.want([noise.hash, tiny.hash])
  await compression.idle()
  t.same([...noise.copies.values()], [0, 0, 0])
  t.equal(tiny.copies.size, 0)
  t.equal(store.blobs.bytesOf(noise.hash), 5000)
  const after = new AssetStore(folder)
  await after.load(() => {})
  const before = (await stat(after.blobs.pathOf(noise.hash, 'br'))).mtimeMs
  const again = compressionOf(after).compression
  again.want([noise.hash])
  await again.idle()
  t.equal((await stat(after.blobs.pathOf(noise.hash, 'br'))).mtimeMs, before)
})

t.test('a stop ends it at once and leaves nothing half-done', async t => {
  const { store, folder } = await storeWith(t, { 'a.js': script(4_000_000) })
  const { compression, warnings } = compressionOf(store)
  compression.want([store.find('a.js')!.hash])
  await until(
    async () => (await readdir(join(folder, 'blobs'))).some(name => name.endsWith('.tmp')),
    'a copy is being made'
  )
  const began = performance.now()
  await compression.stop()
  t.comment(`stopped after ${Math.round(performance.now() - began)} ms`)
  t.same(await readdir(join(folder, 'blobs')), [store.find('a.js')!.hash])
  t.same(warnings, [], 'a stop is no failure')
})

t.test('without the process that compresses, files stay as they came, and the next build is tried again', async t => {
  const { store } = await storeWith(t, { 'a.js': script(2_000_000), 'b.js': script(2000, 9) })
  const { compression, warnings } = compressionOf(store)
  compression.want([store.find('a.js')!.hash])
  await new Promise(setImmediate)
  const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')
  for (const child of children.trim().split(' ')) process.kill(Number(child), 'SIGKILL')
  await compression.idle()
  t.match(warnings, [/uncompressed: the process that compresses ended: SIGKILL/])
  t.equal(store.find('a.js')!.copies.size, 0)
  compression.want([store.find('b.js')!.hash])
  await compression.idle()
  t.equal(store.find('b.js')!.copies.size, 3)
})

t.test('a build that was given up meanwhile gets no copies', async t => {
  const { store, folder } = await storeWith(t, { 'a.js': script(3_000_000) })
  const { compression } = compressionOf(store)
  const { hash } = store.find('a.js')!
  compression.want([hash])
  await until(
    async () => (await readdir(join(folder, 'blobs'))).some(name => name.endsWith('.tmp')),
    'a copy is being made'
  )
  await store.blobs.keepOnly(new Set())
  await compression.idle()
  t.same(await readdir(join(folder, 'blobs')), [])
})
