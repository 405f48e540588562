import { realpathSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { runHook } from '../../../../compose/laptop/deploy/hooks.ts'

const never = new AbortController().signal
const words = { number: 12, parts: ['api', 'web'], outcome: 'done' } as const

t.test('a hook runs beside deploy.yaml, knows what it is about, and what it says is told', async t => {
  const said: string[] = []
  const after = 'pwd; echo "$TWINEDGE_DEPLOY $TWINEDGE_PARTS $TWINEDGE_OUTCOME $OWN" >&2'
  const site = { folder: t.testdir(), hooks: { before: null, after, failed: null } }
  const around = {
    env: { PATH: process.env.PATH, OWN: 'mine' },
    say: (line: string) => void said.push(line),
    signal: never
  }
  await runHook(site, 'before', words, around)
  await runHook(site, 'after', words, around)
  t.strictSame(
    said.toSorted(),
    [`  ${realpathSync(site.folder)}`, '  12 api,web done mine', `hook after: ${after}`].toSorted()
  )
})

t.test('one that fails says how', async t => {
  const around = { env: process.env, say: () => {}, signal: never }
  for (const [before, how] of [
    ['exit 3', /exit code 3/],
    ['kill -9 $$', /SIGKILL/]
  ] as const) {
    const site = { folder: t.testdir(), hooks: { before, after: null, failed: null } }
    await t.rejects(runHook(site, 'before', words, around), { code: 'DEPLOY_HOOK_FAILED', detail: how })
  }
})

t.test('one that is stopped ends, whatever it has begun; one that tells of it is heard out', async t => {
  const operator = new AbortController()
  const stopped = new Error('stopped')
  const said: string[] = []
  const say = (line: string): void => {
    said.push(line)
    if (line === '  begun') operator.abort(stopped)
  }
  const around = { env: process.env, say, signal: operator.signal }
  const hooks = { before: 'sleep 30 & echo begun; wait', after: null, failed: 'sleep 0.1; echo told' }
  const site = { folder: t.testdir(), hooks }
  const began = Date.now()
  const pipes = openPipes()
  await t.rejects(runHook(site, 'before', words, around), stopped)
  t.ok(Date.now() - began < 4_000)
  for (let tries = 0; tries < 50 && openPipes() > pipes; tries++) await pause(10)
  t.equal(openPipes(), pipes, 'what it has begun holds up nobody')
  await runHook(site, 'failed', words, around)
  t.ok(said.includes('  told'))
})

function openPipes(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'PipeWrap').length
}
