import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { command, project } from '../doubles/command.ts'

const foreign = ['chromium', 'nginx', 'h2load', 'curl', 'openssl', 'pebble', 'testssl', 'ip', 'python3', 'ssh']
// What .ci/run itself is made of, so that nothing else of this machine is found.
const tools = ['bash', 'dirname', 'mktemp', 'tee', 'grep', 'tail', 'rm', 'id', 'cat', 'head', 'mkdir', 'cp']

/**
 * .ci/run with these programs in its PATH and no others: name → shell commands.
 * @param hasPebble whether the newer one was fetched by an earlier run
 */
async function ci(t: { teardown(undo: () => unknown): void }, programs: Record<string, string>, hasPebble = true) {
  const folder = await mkdtemp(join(tmpdir(), 'te-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await cp(join(project, '.ci/run'), join(folder, '.ci/run'))
  await mkdir(join(folder, 'test/stack'), { recursive: true })
  await writeFile(join(folder, 'test/stack/testbed'), programs.testbed ?? 'exit 0')
  await mkdir(join(folder, 'bin'))
  const real = Object.fromEntries(tools.map(tool => [tool, `exec /bin/${tool} "$@"`]))
  for (const [name, body] of Object.entries({ ...real, ...programs })) {
    await writeFile(join(folder, 'bin', name), `#!/bin/sh\n${body}\n`)
    await chmod(join(folder, 'bin', name), 0o755)
  }
  const cache = join(folder, 'cache/twinedge/pebble')
  await mkdir(cache, { recursive: true })
  if (hasPebble) await writeFile(join(cache, 'pebble'), '', { mode: 0o755 })
  // /usr/sbin, where Debian has nginx, is looked into as well: the stubs come first.
  const env = {
    PATH: join(folder, 'bin'),
    POLICY_RC_D: join(folder, 'policy-rc.d'),
    XDG_CACHE_HOME: join(folder, 'cache')
  }
  const { code, out } = await command('/bin/bash', [join(folder, '.ci/run')], { env })
  const calls = await readFile(join(folder, 'calls'), 'utf8').catch(() => '')
  const pebble = await readFile(join(cache, 'pebble'), 'utf8').catch(() => null)
  return { code, out, calls, pebble, last: out.trimEnd().split('\n').at(-1) }
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

t.test('a newer pebble is fetched once, from the mirror that apt has; without one it says so and goes on', async t => {
  const npm = 'echo "1 passed, 0 failed"'
  const unpack = 'mkdir -p "$3/usr/bin"; echo "a newer one" >"$3/usr/bin/pebble"'
  // What it is told where to look is in the source list, which is gone afterwards.
  const apt = `case "$*" in
    indextargets*) echo mirror.test/debian/ ;;
    *update*) for word; do case $word in Dir::Etc::SourceList=*) cat "\${word#*=}" >>calls ;; esac; done ;;
    *download*) echo >pebble_2_all.deb ;;
  esac`
  const fetched = await ci(t, { ...present, npm, 'apt-get': apt, dpkg: unpack }, false)
  t.match(fetched.calls, /^deb \[signed-by=\S+\] mirror\.test\/debian\/ sid main\n$/)
  t.equal(fetched.pebble, 'a newer one\n')
  t.notMatch(fetched.out, 'no newer pebble')
  const again = await ci(t, { ...present, npm, 'apt-get': 'echo "$@" >>calls' })
  t.equal(again.calls, '')
  const failing = await ci(t, { ...present, npm, 'apt-get': apt, dpkg: 'exit 1' }, false)
  t.match(failing.out, 'no newer pebble here: tests of ARI and profiles are skipped')
  t.match(failing.calls, 'testing main')
  const without = await ci(t, { ...present, npm }, false)
  t.match([without.code, without.out, without.pebble], [0, /no newer pebble here/, null])
})

t.test('a Docker engine is started for the tests, as root alone; without one they run and say so', async t => {
  const npm = 'echo "1 passed, 0 failed"'
  const programs = { ...present, npm, 'apt-get': 'exit 0' }
  const started = await ci(t, { ...programs, id: 'echo 0', testbed: 'echo an engine' })
  t.match(started.out, /^an engine\n1 passed, 0 failed\n/)
  const failing = await ci(t, { ...programs, id: 'echo 0', testbed: 'echo why; exit 1' })
  t.match([failing.code, failing.out], [0, /^why\nthe testbed is not whole \(see above\)/])
  const stranger = await ci(t, { ...programs, id: 'echo 1000', testbed: 'echo an engine' })
  t.match([stranger.code, stranger.out], [0, /^no root or no apt-get here: no Docker engine is started/])
})
