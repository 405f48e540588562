import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { createStateFile, moveStateFileAside, readStateFile, writeStateFile } from '../../../proxy/state/state-file.ts'

t.test('a state file is replaced whole, and its folder is made', async t => {
  const path = join(t.testdir(), 'a', 'b', 'file')
  await writeStateFile(path, 'one', 0o600)
  t.equal(statSync(path).mode & 0o777, 0o600)
  await writeStateFile(path, 'two', 0o644)
  t.equal(statSync(path).mode & 0o777, 0o644)
  t.equal(await readStateFile(path), 'two')
  t.strictSame(readdirSync(join(path, '..')), ['file'])
})

t.test('a reader never sees half of a file while it is written', async t => {
  const path = join(t.testdir(), 'file')
  const [a, b] = ['a'.repeat(1 << 20), 'b'.repeat(1 << 20)]
  await writeStateFile(path, a, 0o600)
  let isWriting = true
  const writing = writeStateFile(path, b, 0o600).finally(() => {
    isWriting = false
  })
  let reads = 0
  for (; isWriting && reads < 10_000; reads++) {
    const content = (await readStateFile(path)) ?? ''
    if (content !== a && content !== b) t.fail(`half a file: ${content.length} bytes`)
  }
  await writing
  t.ok(reads > 0)
  t.equal(await readStateFile(path), b)
})

t.test('writers at the same time leave the content of one of them and no remains', async t => {
  const folder = t.testdir()
  const contents = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(10_000))
  await Promise.all(contents.map(content => writeStateFile(join(folder, 'file'), content, 0o600)))
  t.ok(contents.includes(readFileSync(join(folder, 'file'), 'utf8')))
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('a link in place of the file is replaced, not followed', async t => {
  const folder = t.testdir({ victim: 'untouched' })
  symlinkSync(join(folder, 'victim'), join(folder, 'file'))
  await writeStateFile(join(folder, 'file'), 'new', 0o600)
  t.equal(readFileSync(join(folder, 'victim'), 'utf8'), 'untouched')
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'new')
})

t.test('a failed write names the path and leaves no remains', async t => {
  const folder = t.testdir()
  const path = join(folder, 'file')
  mkdirSync(path)
  await t.rejects(writeStateFile(path, 'x', 0o600), { code: 'EDGE_STATE_UNWRITABLE', detail: new RegExp(path) })
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('a missing file is null, one that cannot be read is a failure with its path', async t => {
  const folder = t.testdir()
  t.equal(await readStateFile(join(folder, 'missing')), null)
  await t.rejects(readStateFile(folder), { code: 'EDGE_STATE_UNWRITABLE', detail: new RegExp(folder) })
})

t.test('a file moved aside keeps its content', async t => {
  const folder = t.testdir()
  const now = new Date('2026-11-22T10:20:30.400Z')
  t.equal(await moveStateFileAside(join(folder, 'file'), now), null)
  writeFileSync(join(folder, 'file'), 'x')
  const aside = await moveStateFileAside(join(folder, 'file'), now)
  t.equal(aside, join(folder, 'file.broken-2026-11-22T102030.400Z'))
  t.equal(await readStateFile(aside ?? ''), 'x')
})

t.test('of several that make the same file one has its way, whole, and nothing is left beside it', async t => {
  const path = join(t.testdir(), 'folder', 'once')
  const made = await Promise.all(
    Array.from({ length: 8 }, (_, i) => createStateFile(path, `${i}`.repeat(1_000), 0o600))
  )
  t.equal(made.filter(Boolean).length, 1)
  t.equal(readFileSync(path, 'utf8'), `${made.indexOf(true)}`.repeat(1_000))
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(dirname(path)), ['once'])
  t.equal(await createStateFile(path, 'later', 0o600), false)
  await t.rejects(createStateFile('/dev/null/x', '', 0o600), { code: 'EDGE_STATE_UNWRITABLE' })
})
