import { appendFile, mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Entry, readJournal, writeJournal } from '../../../compose/record/journal.ts'

const entry = { upstream: 'web', release: 1 } as Entry

t.test('a line that a power cut has halved costs that line and no other', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-journal-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  t.same(await readJournal(join(folder, 'none')), [])
  await writeJournal(folder, entry)
  await appendFile(join(folder, 'journal.jsonl'), '{"upstream":"we')
  await writeJournal(folder, { ...entry, release: 2 })
  t.same(
    (await readJournal(folder)).map(({ release }) => release),
    [1, 2]
  )
})

t.test('what is no change is left out, whatever a hand has written there', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-journal-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeJournal(folder, entry)
  await appendFile(join(folder, 'journal.jsonl'), 'null\n7\n"web"\n[]\n{"upstream":"web"}\n{"release":1}\n\0\0\0\n')
  t.same(await readJournal(folder), [entry])
})

t.test('a journal that cannot be written is told with its path', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-journal-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'journal.jsonl'))
  await t.rejects(writeJournal(folder, entry), {
    code: 'EDGE_STATE_UNWRITABLE',
    detail: /^[^:]*journal\.jsonl: EISDIR/
  })
})

t.test('a journal is for its owner alone', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'te-journal-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeJournal(folder, entry)
  t.equal((await stat(join(folder, 'journal.jsonl'))).mode & 0o777, 0o600)
})
