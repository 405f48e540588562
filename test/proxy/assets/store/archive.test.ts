import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { type Unpacked, unpack } from '../../../../proxy/assets/store/archive.ts'
import { buildTar, type Entry, tarOf } from '../../../fixtures/build.ts'

const limits = { bytes: 1_000_000, entries: 100 }

async function unpackedFrom(t: Test, tar: Buffer | Readable, most = limits): Promise<Unpacked[]> {
  const folder = await mkdtemp(join(tmpdir(), 'te-tar-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const stream = tar instanceof Readable ? tar : Readable.from(piecesOf(tar))
  return unpack(stream, folder, most)
}

function* piecesOf(bytes: Buffer, length = 700): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

t.test('files come out byte for byte, named by what is below the one folder', async t => {
  const files = { 'chunks/a.js': 'alert(1)', 'chunks/app/[slug]/page.js': '', 'media/ü.woff2': Buffer.alloc(5000, 7) }
  const found = await unpackedFrom(t, buildTar(files))
  t.same(found.map(({ path }) => path).sort(), Object.keys(files).sort())
  for (const { path, file, bytes, hash } of found) {
    const content = Buffer.from(files[path as keyof typeof files] as string)
    t.same(await readFile(file), content)
    t.equal(bytes, content.length)
    t.match(hash, /^[0-9a-f]{64}$/)
  }
  const dotted = await unpackedFrom(t, tarOf([{ name: './', type: '5' }, { name: './a.js' }]))
  t.same(
    dotted.map(({ path }) => path),
    ['a.js']
  )
})

for (const format of ['ustar', 'pax', 'gnu']) {
  t.test(`a name that its head has no room for is read from a tar in ${format} format`, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'te-tar-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const path = `chunks/${'long/'.repeat(20)}${'x'.repeat(format === 'ustar' ? 90 : 150)}.js`
    await mkdir(dirname(join(folder, 'static', path)), { recursive: true })
    await writeFile(join(folder, 'static', path), 'of a long name')
    const tar = execFileSync('tar', ['--format', format, '-cf', '-', 'static'], { cwd: folder })
    const [found] = await unpackedFrom(t, tar)
    t.equal(found!.path, path)
    t.equal(await readFile(found!.file, 'utf8'), 'of a long name')
  })
}

const good: Entry = { name: 'static/good.js', content: 'good' }

/** Each comes after a good file; what the refusal says of it. */
const evil: Record<string, readonly [Entry, RegExp]> = {
  'a way up': [{ name: 'static/../../etc/passwd' }, /"static\/\.\.\/\.\.\/etc\/passwd" leads outside/],
  'a way up at the start': [{ name: '../static/a.js' }, /leads outside/],
  'a way up at the end': [{ name: 'static/a/..' }, /leads outside/],
  'an absolute name': [{ name: '/etc/passwd' }, /leads outside/],
  'a doubled slash': [{ name: 'static//etc/passwd' }, /leads outside/],
  'a dot': [{ name: 'static/./a.js' }, /leads outside/],
  'a folder that leads up': [{ name: 'static/../', type: '5' }, /leads outside/],
  'a symbolic link': [{ name: 'static/a.js', type: '2', link: '/etc/passwd' }, /is a symlink/],
  'a hard link': [{ name: 'static/a.js', type: '1', link: 'static/good.js' }, /is a link/],
  'a device': [{ name: 'static/a.js', type: '3' }, /is a character-device/],
  'a queue': [{ name: 'static/a.js', type: '6' }, /is a fifo/],
  'another folder': [{ name: 'other/a.js' }, /is not below "static"/],
  'no folder': [{ name: 'static' }, /is not below a folder/],
  'a backslash': [{ name: 'static/..\\a.js' }, /character/],
  'a line feed': [{ name: 'static/a\nb.js' }, /character/],
  'a file twice': [good, /twice/]
}

for (const [what, [entry, said]] of Object.entries(evil)) {
  t.test(`an archive with ${what} is refused whole`, async t => {
    const tar = tarOf([good, entry, { name: 'static/after.js' }])
    await t.rejects(unpackedFrom(t, tar), { code: 'EDGE_ASSETS_REFUSED', detail: said })
  })
}

t.test('what is too much, too little, or no tar is refused', async t => {
  const refusals: readonly (readonly [Buffer | Readable, RegExp, typeof limits?])[] = [
    [buildTar({ 'a.js': 'x'.repeat(5000) }), /more than 4000 bytes/, { ...limits, bytes: 4000 }],
    [buildTar({ 'a.js': '', 'b.js': '' }), /more than 2 entries/, { ...limits, entries: 2 }],
    [buildTar({}), /no file/],
    [Buffer.alloc(0), /no file/],
    [Buffer.alloc(5000, 'x'), /no tar/],
    [buildTar({ 'a.js': 'x'.repeat(5000) }).subarray(0, 3000), /no tar/]
  ]
  for (const [tar, said, most = limits] of refusals) {
    await t.rejects(unpackedFrom(t, tar, most), { code: 'EDGE_ASSETS_REFUSED', detail: said }, `${said}`)
  }
})

t.test('a client that has left before it is read is refused as well', async t => {
  const tar = Readable.from([buildTar({ 'a.js': 'a' })])
  tar.destroy()
  await t.rejects(unpackedFrom(t, tar), { code: 'EDGE_ASSETS_REFUSED', detail: /broke off/ })
})

for (const [how, cause, said] of [
  ['breaks off', undefined, /broke off$/],
  ['fails', new Error('gone'), /gone/]
] as const)
  t.test(`an upload that ${how} in the middle of a file leaves a refusal, and no file is open`, async t => {
    const tar = new Readable({ read() {} })
    const folder = await mkdtemp(join(tmpdir(), 'te-tar-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const unpacking = unpack(tar, folder, limits)
    tar.push(buildTar({ 'a.js': 'x'.repeat(90_000) }).subarray(0, 50_000))
    while ((await readdir(folder)).length === 0) await new Promise(setImmediate)
    tar.destroy(cause)
    await t.rejects(unpacking, { code: 'EDGE_ASSETS_REFUSED', detail: said })
    const open = await readdir('/proc/self/fd').then(fds =>
      Promise.all(fds.map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    )
    t.notOk(open.some(path => path.startsWith(folder)))
  })
