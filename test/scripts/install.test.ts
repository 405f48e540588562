import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { command, project } from '../doubles/command.ts'

const lock = {
  packages: { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0', optional: true } }
}
const built = 'node_modules/@tapjs/test/test-built/dist/esm/index.js'
// Notes its call, and leaves what npm leaves, plus a tap that comes with a plugin that this project does not use.
const npm = `#!/bin/sh
case $PATH in *node_modules/.bin*) echo "on the Node that npm ci deletes" >>calls ;; esac
PATH=/usr/bin:/bin
echo "npm $*" >>calls
[ -e broken ] && exit 7
mkdir -p node_modules/.bin ${built.replace('/index.js', '')}
cp package-lock.json node_modules/.package-lock.json
echo @tapjs/typescript >${built}
printf 'require("fs").appendFileSync("calls", "tap " + process.argv.slice(2) + "\\\\n"); require("fs").writeFileSync("${built}", "")' >node_modules/.bin/tap
`

async function freshClone(t: { teardown(undo: () => unknown): void }) {
  const folder = await mkdtemp(join(tmpdir(), 'te-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await cp(join(project, 'scripts/install.mjs'), join(folder, 'scripts/install.mjs'))
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'bin/npm'), npm)
  await chmod(join(folder, 'bin/npm'), 0o755)
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies: { a: '1' } }))
  const { NODE_OPTIONS: _, ...outer } = process.env
  const env = { ...outer, PATH: `${folder}/node_modules/.bin:${folder}/bin` }
  return {
    path: (name: string) => join(folder, name),
    install: () => command(process.execPath, [join(folder, 'scripts/install.mjs')], { cwd: '/', env }),
    calls: () => readFile(join(folder, 'calls'), 'utf8').catch(() => '')
  }
}

t.test('a fresh clone is installed once, and its tap built', async t => {
  const { install, calls } = await freshClone(t)
  const first = await install()
  t.same([first.code, first.err], [0, ''])
  t.match(first.out, /^twinedge: installing packages, once/)
  t.equal(await calls(), 'npm ci --loglevel=error\ntap build\n')
  t.same(await install(), { code: 0, out: '', err: '' }, 'the second time it is silent')
  t.equal(await calls(), 'npm ci --loglevel=error\ntap build\n', 'and does nothing')
})

t.test('a changed lock file installs again; a new script in package.json does not', async t => {
  const { install, calls, path } = await freshClone(t)
  await install()
  await writeFile(path('package.json'), JSON.stringify({ dependencies: { a: '1' }, scripts: { x: 'y' } }))
  await install()
  t.equal((await calls()).match(/npm/g)?.length, 1)
  const changed = { packages: { ...lock.packages, 'node_modules/a': { version: '1.0.1' } } }
  await writeFile(path('package-lock.json'), JSON.stringify(changed))
  await install()
  t.equal((await calls()).match(/npm/g)?.length, 2)
})

t.test('what somebody installed by hand is not installed again, unless a package is missing', async t => {
  const { install, calls, path } = await freshClone(t)
  await install()
  await rm(path('node_modules/.twinedge-installed'))
  const { b: _, ...others } = { ...lock.packages, b: 0 }
  const { 'node_modules/b': __, ...withoutOptional } = others
  await writeFile(path('node_modules/.package-lock.json'), JSON.stringify({ packages: withoutOptional }))
  await install()
  t.equal((await calls()).match(/npm/g)?.length, 1, 'an optional one may be missing')
  await rm(path('node_modules/.twinedge-installed'))
  await writeFile(path('node_modules/.package-lock.json'), JSON.stringify({ packages: {} }))
  await install()
  t.equal((await calls()).match(/npm/g)?.length, 2)
})

t.test('a failure is said with its reason and the next step, and tried again the next time', async t => {
  const { install, calls, path } = await freshClone(t)
  await writeFile(path('broken'), '')
  const { code, err } = await install()
  t.equal(code, 1)
  t.match(err, /^twinedge: npm ci .* failed: exit 7\nnext: .* run this again\n$/)
  await rm(path('broken'))
  t.equal((await install()).code, 0)
  t.equal((await calls()).match(/npm/g)?.length, 2)
})

t.test('without npm it says that there is none', async t => {
  const { install, path } = await freshClone(t)
  await rm(path('bin/npm'))
  const { code, err } = await install()
  t.equal(code, 1)
  t.match(err, /^twinedge: npm ci .* failed: there is no such command\nnext: /)
})
