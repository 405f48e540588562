import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { command, project } from '../doubles/command.ts'

interface Programs {
  readonly tsc?: string
  readonly biome?: string
  readonly tap?: string
}

/** scripts/test between programs that do as told: shell commands in the place of tsc, biome and tap. */
async function gate(
  t: { teardown(undo: () => unknown): void },
  programs: Programs,
  { args = [], tests = ['test/a.test.ts'] }: { args?: string[]; tests?: string[] } = {}
) {
  const folder = await mkdtemp(join(tmpdir(), 'te-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await cp(join(project, 'scripts/test'), join(folder, 'scripts/test'))
  for (const test of tests) {
    await mkdir(join(folder, dirname(test)), { recursive: true })
    await writeFile(join(folder, test), '')
  }
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
  const good = { tsc: 'exit 0', biome: 'exit 0', tap: report(['ok 1 - test/a.test.ts'], 'total: 3, pass: 3') }
  for (const [name, body] of Object.entries({ ...good, ...programs })) {
    const path = join(folder, 'node_modules/.bin', name)
    await writeFile(path, `#!/bin/sh\n${body}\n`)
    await chmod(path, 0o755)
  }
  const { code, out } = await command(join(folder, 'scripts/test'), args, { cwd: '/', env: { PATH: '/usr/bin:/bin' } })
  return { code, out, last: out.trimEnd().split('\n').at(-1) }
}

function report(lines: readonly string[], totals: string, code = 0): string {
  return `cat <<'END'\nTAP version 14\n${lines.join('\n')}\n# { ${totals} }\n# time=12ms\nEND\nexit ${code}`
}

t.test('all good: exit 0, the totals in the last line', async t => {
  const { code, last } = await gate(t, {})
  t.same([code, last], [0, '3 passed, 0 failed'])
})

t.test('failed and skipped tests are counted; what failed is shown in full, what passed in one line', async t => {
  const lines = ['# Subtest: test/a.test.ts', '    ok 1 - fine', 'ok 1 - test/a.test.ts', '# Subtest: test/b.test.ts']
  lines.push('    not ok 1 - wrong', '      ---', '      why: because', '      ...', 'not ok 2 - test/b.test.ts')
  lines.push('  ---', '  exitCode: 1', '  ...')
  const { code, out, last } = await gate(t, { tap: report(lines, 'total: 9, pass: 5, fail: 2, skip: 1, todo: 1', 1) })
  t.same([code, last], [1, '5 passed, 2 failed, 2 skipped'])
  t.match(out, '    not ok 1 - wrong\n      ---\n      why: because\n')
  t.match(out, '  exitCode: 1\n')
  t.notMatch(out, 'fine')
})

t.test('why tests were skipped is told in one line for each reason', async t => {
  const skip = (name: string, reason: string): string => `    ok 1 - ${name} # SKIP ${reason}`
  const lines = [skip('a', 'no engine: start one'), skip('b', 'no chromium'), skip('c', 'no engine: start one')]
  const { out } = await gate(t, { tap: report([...lines, 'ok 1 - d'], 'total: 4, pass: 1, skip: 3') })
  t.match(
    out,
    /skipped: 1 of the tests: no chromium\nskipped: 2 of the tests: no engine: start one\n1 passed, 0 failed, 3/
  )
})

t.test('types and lint count as one failure each', async t => {
  t.same((await gate(t, { tsc: 'exit 2' })).last, '3 passed, 1 failed')
  const both = await gate(t, { tsc: 'exit 2', biome: 'exit 1' })
  t.same([both.code, both.last], [1, '3 passed, 2 failed'])
})

t.test('a run that broke off is a failure, whatever it had printed', async t => {
  t.same((await gate(t, { tap: 'echo no tests; exit 1' })).last, '0 passed, 1 failed')
  t.same((await gate(t, { tap: report([], 'total: 3, pass: 3', 1) })).last, '3 passed, 1 failed')
  t.same((await gate(t, { tap: 'kill -9 $$' })).code, 1)
})

t.test('a test that prints totals of its own fools nobody', async t => {
  const lines = ['    # { total: 99, pass: 99 }', '# { total: 99, pass: 99 }']
  t.equal((await gate(t, { tap: report(lines, 'total: 4, pass: 3, fail: 1', 1) })).last, '3 passed, 1 failed')
})

t.test('what shares the engine goes beside what waits, what must be alone after all; all of it is counted', async t => {
  // Of the two that go side by side, each waits for the other to have begun.
  const tap = `echo "$*" >> begun
others() { for _ in $(seq 500); do [ "$(wc -l < begun)" -lt 3 ] || return 0; sleep 0.01; done; exit 1; }
case $* in
  *a.test*) [ "$(wc -l < begun)" -eq 1 ] || exit 1 ;;
  *stack*|*acme*) others ;;
  *) [ "$(wc -l < begun)" -eq 4 ] || exit 1 ;;
esac
echo "# Subtest: $*"
echo "# { total: 5, pass: 2, fail: 1, skip: 2 }"
exit 1`
  const folders = ['stack', 'compose/laptop/ship', 'proxy/acme', 'laptop', 'wan']
  const tests = ['test/a.test.ts', ...folders.map(folder => `test/${folder}/b.test.ts`)]
  const { out, last } = await gate(t, { tap }, { tests })
  t.equal(last, '8 passed, 4 failed, 8 skipped', out)
})

t.test('a lane that broke off is a failure beside others that went well', async t => {
  const tap = `case $* in *stack*) exit 1;; esac\n${report(['ok 1 - a'], 'total: 3, pass: 3')}`
  const { code, last } = await gate(t, { tap }, { tests: ['test/a.test.ts', 'test/stack/c.test.ts'] })
  t.same([code, last], [1, '3 passed, 1 failed'])
})

t.test('arguments go to tap as they are', async t => {
  const { out } = await gate(
    t,
    { tap: 'for word in "$@"; do echo "word: $word"; done' },
    { args: ['test/a b.test.ts'] }
  )
  t.match(out, 'word: test/a b.test.ts\n')
})
