import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { AssetStore } from '../../../../proxy/assets/store/store.ts'
import { buildTar, tarOf } from '../../../fixtures/build.ts'

const day = 86_400_000
const limits = { keepMs: 30 * day, bytes: 1_000_000 }
type Files = Readonly<Record<string, string>>

async function folderFor(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'te-store-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A store whose clock the test sets, in days. */
async function openStore(folder: string, clock = { day: 1 }): Promise<{ store: AssetStore; warnings: string[] }> {
  const warnings: string[] = []
  const store = new AssetStore(folder, () => clock.day * day)
  await store.load(message => warnings.push(message))
  return { store, warnings }
}

function take(store: AssetStore, files: Files, most = limits) {
  return store.take(Readable.from([buildTar(files)]), most)
}

function hashOf(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Every file below, with its content. */
async function contentsOf(folder: string): Promise<Record<string, string>> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = all.filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
  return Object.fromEntries(await Promise.all(files.sort().map(async file => [file, await readFile(file, 'latin1')])))
}

t.test('a build is found by its paths, before and after a restart', async t => {
  const folder = await folderFor(t)
  const { store } = await openStore(folder)
  const answer = await take(store, { 'a.js': 'one', 'ü/[x].js': 'two' })
  t.match(answer, { files: 2, bytes: 6, newFiles: 2, newBytes: 6, contested: [] })
  const { store: after } = await openStore(folder)
  for (const one of [store, after]) {
    t.equal(one.find('a.js')?.hash, hashOf('one'))
    t.equal(one.find('Ã¼/[x].js')?.hash, hashOf('two'), 'one character per byte, as paths of requests are')
    for (const path of ['', 'a', 'b.js', '../builds', hashOf('one'), '__proto__', 'constructor']) {
      t.equal(one.find(path), undefined, path)
    }
  }
  t.equal(await readFile(store.blobs.pathOf(hashOf('one'), null), 'utf8'), 'one')
})

t.test('the same build again is the same build, and brings nothing new', async t => {
  const { store } = await openStore(await folderFor(t))
  const first = await take(store, { 'a.js': 'one' })
  await take(store, { 'b.js': 'two' })
  const again = await take(store, { 'a.js': 'one' })
  t.match(again, { id: first.id, newFiles: 0, newBytes: 0 })
  t.equal(store.builds.length, 2)
  t.equal(store.builds[0]?.id, first.id, 'it is the newest now')
})

t.test("other bytes at a known path are the upstream's, and whoever sent them is told", async t => {
  const { store } = await openStore(await folderFor(t))
  await take(store, { 'a.js': 'one', 'b.js': 'b' })
  const { contested } = await take(store, { 'a.js': 'two', 'b.js': 'b' })
  t.same(contested, ['a.js'])
  t.equal(store.find('a.js'), undefined)
  t.ok(store.find('b.js'))
})

t.test('an upload that is refused changes nothing on disk', async t => {
  const folder = await folderFor(t)
  const { store } = await openStore(folder)
  await take(store, { 'a.js': 'one' })
  const before = await contentsOf(folder)
  const evil = tarOf([
    { name: 'static/new.js', content: 'new' },
    { name: 'static/../../evil.js', content: 'evil' }
  ])
  await t.rejects(store.take(Readable.from([evil]), limits), { code: 'EDGE_ASSETS_REFUSED' })
  t.same(await contentsOf(folder), before)
  t.same(await readdir(folder), ['blobs', 'builds'])
  t.equal(store.find('new.js'), undefined)
})

t.test('old builds go by the clock, and what they share with others stays', async t => {
  const folder = await folderFor(t)
  const clock = { day: 1 }
  const { store } = await openStore(folder, clock)
  await take(store, { 'shared.js': 'shared', 'one.js': 'one' })
  await take(store, { 'two.js': 'two' })
  clock.day = 20
  await take(store, { 'shared.js': 'shared', 'three.js': 'three' })
  clock.day = 40
  await store.prune(limits)
  t.same([store.builds.length, store.find('one.js')], [2, undefined])
  t.ok(store.find('two.js') && store.find('shared.js') && store.find('three.js'))
  t.same(Object.values(await contentsOf(join(folder, 'blobs'))).sort(), ['shared', 'three', 'two'])
  clock.day = 4000
  await store.prune(limits)
  t.equal(store.builds.length, 2, 'the two newest are never given up')
})

t.test('without room the oldest build goes, the two newest never', async t => {
  const folder = await folderFor(t)
  const { store } = await openStore(folder)
  for (const name of ['a', 'b', 'c'])
    await take(store, { [`${name}.js`]: name.repeat(400) }, { ...limits, bytes: 1000 })
  t.equal(store.find('a.js'), undefined)
  t.ok(store.find('b.js') && store.find('c.js'))
  await store.prune({ ...limits, bytes: 1 })
  t.ok(store.find('b.js') && store.find('c.js'))
  t.equal(store.bytes, 800)
})

t.test('what a kill leaves half-done is removed at the next start, and nothing else', async t => {
  const folder = await folderFor(t)
  const { store } = await openStore(folder)
  await take(store, { 'a.js': 'one' })
  const before = await contentsOf(folder)
  await mkdir(join(folder, 'incoming-0123'))
  await writeFile(join(folder, 'incoming-0123', '1'), 'half')
  await writeFile(join(folder, 'blobs', hashOf('orphan')), 'orphan') // adopted, not yet recorded
  await writeFile(join(folder, 'blobs', `${hashOf('one')}.br.tmp`), 'half') // a copy in the making
  const { store: after, warnings } = await openStore(folder)
  t.same(await contentsOf(folder), before)
  t.equal(after.find('a.js')?.bytes, 3)
  t.same(warnings, [])
})

t.test('a content that is gone or cut short is not served; the build brings it back', async t => {
  const folder = await folderFor(t)
  const { store } = await openStore(folder)
  const files = { 'gone.js': 'gone', 'short.js': 'short', 'good.js': 'good' }
  await take(store, files)
  await rm(store.blobs.pathOf(hashOf('gone'), null))
  await truncate(store.blobs.pathOf(hashOf('short'), null), 2)
  const { store: after } = await openStore(folder)
  t.same(
    Object.keys(files).map(path => after.find(path)?.bytes),
    [undefined, undefined, 4]
  )
  t.match(await take(after, files), { newFiles: 2 })
  t.same(
    Object.keys(files).map(path => after.find(path)?.bytes),
    [4, 5, 4]
  )
})

t.test('the build that came last is the newest, whatever a clock that was set back says', async t => {
  const folder = await folderFor(t)
  const clock = { day: 10 }
  const { store } = await openStore(folder, clock)
  for (const name of ['a.js', 'b.js']) await take(store, { [name]: name })
  clock.day = 5
  const { id } = await take(store, { 'c.js': 'c' })
  for (const one of [store, (await openStore(folder, clock)).store]) t.equal(one.builds[0]?.id, id)
})

t.test('a build that could not be recorded takes no room', async t => {
  const folder = await folderFor(t)
  const { store } = await openStore(folder)
  await take(store, { 'a.js': 'one' })
  const before = await contentsOf(join(folder, 'blobs'))
  await rm(join(folder, 'builds'), { recursive: true })
  await writeFile(join(folder, 'builds'), 'in the way')
  await t.rejects(take(store, { 'a.js': 'one', 'b.js': 'another' }), { code: 'EDGE_STATE_UNWRITABLE' })
  t.same(await contentsOf(join(folder, 'blobs')), before)
  t.match([store.bytes, store.find('a.js')?.bytes, store.find('b.js')], [3, 3, undefined])
})

t.test('a damaged record is moved aside, the other builds go on', async t => {
  const folder = await folderFor(t)
  const { store } = await openStore(folder)
  const { id } = await take(store, { 'a.js': 'one' })
  await take(store, { 'b.js': 'two' })
  await writeFile(join(folder, 'builds', `${id}.json`), 'nonsense')
  const { store: after, warnings } = await openStore(folder)
  t.match(warnings, [new RegExp(`${id}\\.json is damaged`)])
  t.ok(after.find('b.js'))
  t.equal(after.find('a.js'), undefined)
  t.equal((await openStore(folder)).warnings.length, 0, 'told once')
})

t.test('a folder that this user may not write is said to be so', async t => {
  const store = new AssetStore('/dev/null/assets')
  await t.rejects(
    store.load(() => {}),
    { code: 'EDGE_STATE_UNWRITABLE', detail: /\/dev\/null\/assets/ }
  )
  await t.rejects(take(store, { 'a.js': 'x' }), { code: 'EDGE_STATE_UNWRITABLE' })
})
