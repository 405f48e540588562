import { chmod, chown, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readVariable, setVariables } from '../../../compose/stack/env-file.ts'

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'te-env-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

t.test('it keeps its mode and its owner, and leaves nothing beside it', async t => {
  const at = await folder(t)
  const file = join(at, '.env')
  await writeFile(file, 'A=1\n')
  await chmod(file, 0o640)
  const isRoot = process.getuid?.() === 0
  if (isRoot) await chown(file, 1_234, 5_678)
  await setVariables(file, { B: '2' })
  const { mode, uid, gid } = await stat(file)
  t.equal(mode & 0o777, 0o640)
  if (isRoot) t.same([uid, gid], [1_234, 5_678])
  t.equal(await readFile(file, 'utf8'), 'A=1\nB=2\n')
  t.same(await readdir(at), ['.env'])
})

t.test('one that is not there yet is made for its owner alone', async t => {
  const file = join(await folder(t), '.env')
  t.equal(await readVariable(file, 'A'), '')
  await setVariables(file, { A: '1' })
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.equal(await readVariable(file, 'A'), '1')
})

t.test('what Compose reads is read, whatever stands between a name and its value', async t => {
  const file = join(await folder(t), '.env')
  for (const line of ['P=a,b', 'P: a,b', 'export P : "a,b" # ours', 'P = a,b\r']) {
    await writeFile(file, `A=1\n${line}\n`)
    t.equal(await readVariable(file, 'P'), 'a,b', line)
  }
})

t.test('a link to it goes on being one', async t => {
  const at = await folder(t)
  await writeFile(join(at, 'real'), 'A=1\n')
  await symlink('real', join(at, '.env'))
  await setVariables(join(at, '.env'), { A: '2' })
  t.ok((await lstat(join(at, '.env'))).isSymbolicLink())
  t.equal(await readFile(join(at, 'real'), 'utf8'), 'A=2\n')
})

t.test('where it cannot be written, that is said with the path', async t => {
  const at = await folder(t)
  await t.rejects(setVariables(join(at, 'none', '.env'), { A: '1' }), {
    code: 'EDGE_STATE_UNWRITABLE',
    detail: /none\/\.env: ENOENT/
  })
})

t.test('one that says so already is not written anew', async t => {
  const file = join(await folder(t), '.env')
  await writeFile(file, 'A=1\n')
  const { ino } = await stat(file)
  await setVariables(file, { A: '1' })
  t.equal((await stat(file)).ino, ino)
})
