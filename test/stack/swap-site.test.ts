import t from 'tap'
import { twinedge } from '../doubles/command.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'
import { comeVisitors, isFine } from '../doubles/stack/visitors.ts'

t.test('users of the real stack notice no swap, no bad image, no rollback', { skip: engineMissing }, async t => {
  const stack = await upStack(t, 'single')
  const run = (...args: string[]) => twinedge([...args, '--project', stack.project])
  for (const name of ['api', 'web'] as const) {
    await docker(['tag', `localhost/twinedge/${name}:sample`, `${stack.project}-${name}:2`])
    t.teardown(() =>
      docker([
        'rmi',
        `${stack.project}-${name}:2`,
        ...['1', '2'].map(n => `localhost/${stack.project}/${name}:release-${n}`)
      ])
    )
  }
  const visitors = comeVisitors(t, stack, ['/api/v1/health', '/api/v1/whoami', '/', '/login'], 20)
  const stream = visitors.ask('/api/v1/chat/stream?n=200&ms=40', 'POST')
  const swaps = [
    await run('swap', 'api', `${stack.project}-api:2`),
    await run('swap', 'web', `${stack.project}-web:2`),
    // An image that is no app: it ends at once.
    await run('swap', 'web', 'localhost/twinedge/proxy:local'),
    await run('rollback', 'api'),
    await run('rollback', 'web')
  ]
  t.same(
    swaps.map(({ code }) => code),
    [0, 0, 1, 0, 0],
    swaps.map(({ err }) => err).join('\n')
  )
  t.match(swaps[0]!.out, /, 0 failed; carried to their end: \d+ requests, 1 streams, 0 WebSockets; cut: 0; /)
  t.match(swaps[2]!.err, /^COMPOSE_CANDIDATE_FAILED: web-blue /)

  const { text, isWhole } = await stream
  t.ok(isWhole)
  const seqs = [...text.matchAll(/"seq": (\d+)/g)].map(([, seq]) => Number(seq))
  t.same(
    seqs,
    Array.from(seqs, (_, at) => at + 1),
    'each event once, in order'
  )
  t.match(text, /"type": "completed"/)
  const answers = await visitors.seen()
  t.ok(answers.length > 100)
  t.same(
    answers.filter(one => !isFine(one)),
    [],
    'nobody noticed'
  )

  const before = await running(stack)
  const up = await stack.compose('up', '-d')
  t.equal(up.code, 0, up.err)
  t.same(await running(stack), before, 'up -d replaces nothing')
})

async function running(stack: Stack): Promise<string> {
  return (await stack.compose('ps', '--format', '{{.Service}} {{.ID}}')).out
}
