import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { command, project } from '../doubles/command.ts'

const foreign = ['chromium', 'nginx', 'h2load', 'curl', 'openssl']
// What .ci/run itself is made of, so that nothing else of this machine is found.
const tools = ['bash', 'dirname', 'mktemp', 'tee', 'grep', 'tail', 'rm', 'id', 'cat']

/** .ci/run with these programs in its PATH and no others: name → shell commands. */
async function ci(t: { teardown(undo: () => unknown): void }, programs: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'te-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await cp(join(project, '.ci/run'), join(folder, '.ci/run'))
  await mkdir(join(folder, 'bin'))
  const real = Object.fromEntries(tools.map(tool => [tool, `exec /bin/${tool} "$@"`]))
  for (const [name, body] of Object.entries({ ...real, ...programs })) {
    await writeFile(join(folder, 'bin', name), `#!/bin/sh\n${body}\n`)
    await chmod(join(folder, 'bin', name), 0o755)
  }
  // /usr/sbin, where Debian has nginx, is looked into as well: the stubs come first.
  const env = { PATH: join(folder, 'bin'), POLICY_RC_D: join(folder, 'policy-rc.d') }
  const { code, out } = await command('/bin/bash', [join(folder, '.ci/run')], { env })
  const calls = await readFile(join(folder, 'calls'), 'utf8').catch(() => '')
  return { code, out, calls, last: out.trimEnd().split('\n').at(-1) }
}
const present = Object.fromEntries(foreign.map(name => [name, 'exit 0']))

t.test('it runs npm test and ends with its summary and its exit code, whatever npm says behind it', async t => {
  const good = await ci(t, { ...present, npm: '[ "$1" = test ] && echo "3 passed, 0 failed, 1 skipped"' })
  t.same([good.code, good.last], [0, '3 passed, 0 failed, 1 skipped'])
  const bad = await ci(t, { ...present, npm: 'echo "2 passed, 1 failed"; echo "npm error code 1" >&2; exit 1' })
  t.same([bad.code, bad.last], [1, '2 passed, 1 failed'])
})

t.test('an npm that does not even start the tests is a failure', async t => {
  const { code, last } = await ci(t, { ...present, npm: 'echo broken; exit 1' })
  t.same([code, last], [1, '0 passed, 1 failed'])
})

t.test('only what is missing is installed; without apt-get it goes on and says why', async t => {
  const { h2load: _, ...others } = present
  const npm = 'echo "1 passed, 0 failed"'
  const without = await ci(t, { ...others, npm })
  t.equal(without.code, 0)
  t.match(without.out, 'no apt-get here: nghttp2-client stay missing')
  const programs = {
    ...others,
    npm,
    id: 'echo 1000',
    'apt-get': '[ "$1" = update ] || cat policy-rc.d >>calls; echo "$@" >>calls'
  }
  t.match((await ci(t, programs)).out, 'not root: nghttp2-client stay missing')
  const root = { ...programs, id: 'echo 0', chmod: 'exit 0' }
  t.match(
    (await ci(t, root)).calls,
    /^update .*\n#!\/bin\/sh\nexit 101\ninstall .* nghttp2-client\n$/,
    'and nothing that is installed starts'
  )
})
