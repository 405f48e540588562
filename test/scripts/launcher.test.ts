import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { command, project, twinedge } from '../doubles/command.ts'

/** A project with the launcher alone, and programs that say how they were called in the place of the real ones. */
async function bareProject(t: { teardown(undo: () => unknown): void }) {
  const folder = await mkdtemp(join(tmpdir(), 'te-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const launcher = join(folder, 'scripts/twinedge')
  await mkdir(join(folder, 'scripts'))
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
  await copyFile(join(project, 'scripts/twinedge'), launcher)
  const node = join(folder, 'node_modules/.bin/node')
  const install = async () => {
    await mkdir(join(folder, 'node_modules/undici'))
    await writeFile(node, '#!/bin/sh\necho "$NODE_COMPILE_CACHE"\nfor word in "$@"; do echo "$word"; done\n')
    await chmod(node, 0o755)
  }
  return { folder, launcher, install }
}
const plainPath = { PATH: '/usr/bin:/bin' }

t.test('without its packages it names the one command to run', async t => {
  const { launcher } = await bareProject(t)
  const { code, out, err } = await command(launcher, ['status'], { env: plainPath })
  t.same([code, out], [1, ''])
  t.match(err, /^twinedge: .* run: npm install\n$/)
})

t.test('it runs on the Node of the project, from anywhere, through links, words kept whole', async t => {
  const { folder, launcher, install } = await bareProject(t)
  await install()
  await symlink('scripts/twinedge', join(folder, 'relative'))
  await symlink(join(folder, 'relative'), join(folder, 'absolute'))
  for (const called of [launcher, join(folder, 'relative'), join(folder, 'absolute')]) {
    const { code, out } = await command(called, ['check', 'my file.yaml', ''], { cwd: '/', env: plainPath })
    t.same(
      [code, out.split('\n').slice(1)],
      [0, ['--max-semi-space-size=16', join(folder, 'scripts/twinedge.ts'), 'check', 'my file.yaml', '', '']]
    )
  }
})

t.test('compiled code is kept in the project, closed to others', async t => {
  const { folder, launcher, install } = await bareProject(t)
  await install()
  const cache = join(folder, 'node_modules/.cache/twinedge')
  t.equal((await command(launcher, [], { env: plainPath })).out.split('\n')[0], cache)
  t.equal((await stat(cache)).mode & 0o777, 0o700)
})

t.test('a cache folder that leads elsewhere is not used: whoever owns it decides what runs', async t => {
  const { folder, launcher, install } = await bareProject(t)
  await install()
  await mkdir(join(folder, 'node_modules/.cache'))
  await symlink('/tmp', join(folder, 'node_modules/.cache/twinedge'))
  const own = join(folder, 'xdg')
  const { out } = await command(launcher, [], { env: { ...plainPath, XDG_CACHE_HOME: own } })
  t.equal(out.split('\n')[0], join(own, 'twinedge'))
})

t.test('--help lists every verb with what it does', async t => {
  const { code, out } = await twinedge(['--help'])
  t.equal(code, 0)
  for (const file of await readdir(join(project, 'scripts/verbs'))) {
    t.match(out, new RegExp(`^  ${file.replace('.ts', '')} +[A-Z].{10}`, 'm'), file)
  }
  t.equal((await twinedge([])).out, out, 'and so does no word at all')
})

t.test('--version names the edge and its Node', async t => {
  const { code, out } = await twinedge(['--version'])
  t.equal(code, 0)
  t.match(out, /^twinedge \d+\.\d+\.\d+, Node 2\d/)
})

t.test('VERB --help tells of its options and does nothing', async t => {
  const { code, out } = await twinedge(['reload', '--help'])
  t.equal(code, 0)
  t.match(out, /^twinedge reload .*--socket PATH/)
})

t.test('a verb that there is not: the nearest one, exit 2', async t => {
  const { code, err } = await twinedge(['relaod'])
  t.equal(code, 2)
  t.match(err, /^EDGE_USAGE: there is no relaod; did you mean reload\?\nnext: twinedge --help\n$/)
})

t.test('an option that there is not: exit 2, no stack', async t => {
  const { code, err } = await twinedge(['status', '--sockets', 'x'])
  t.equal(code, 2)
  t.match(err, /^EDGE_USAGE: .*--sockets.*\nnext: /)
  t.notMatch(err, /\n +at /)
})
