import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Outcome, twinedge } from '../doubles/command.ts'
import { type SlotEdge, startSlotEdge } from '../doubles/stack/slot-edge.ts'

async function edge(t: Test): Promise<SlotEdge & { run(...args: string[]): Promise<Outcome> }> {
  const folder = await mkdtemp(join(tmpdir(), 'te-slots-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const socket = join(folder, 'control.sock')
  const slots = await startSlotEdge(t, socket, { 'web/blue': 'http://127.0.0.1:1', 'web/green': 'http://127.0.0.1:1' })
  return Object.assign(slots, { run: (...args: string[]) => twinedge([...args, '--socket', socket]) })
}

t.test('slots pause, resume and maintenance ask the edge for it, with no engine', async t => {
  const { run, holds, asked } = await edge(t)
  t.same(await run('slots', 'pause', 'web'), { code: 0, out: 'web: paused, 0 requests waiting\n', err: '' })
  t.equal(holds.get('web'), 'paused')
  t.match((await run('slots')).out, /^web +blue \(active\) +up +0 +0 +0 +0 +- +paused +0\nweb +green +up /m)
  await run('slots', 'maintenance', 'web')
  t.equal(holds.get('web'), 'maintenance')
  t.match(JSON.parse((await run('slots', 'resume', 'web', '--json')).out), { mode: 'open' })
  t.equal(asked.length, 3)
})

t.test('what cannot be meant is refused before anything is looked at', async t => {
  const { run, asked } = await edge(t)
  for (const [args, said] of [
    [['swap', 'web'], 'twinedge swap UPSTREAM IMAGE'],
    [['swap', 'web', ''], 'IMAGE: expected a name such as web:1.4.2, found ""'],
    [['swap', 'web', 'app:2;id'], 'IMAGE: expected a name such as web:1.4.2, found "app:2;id"'],
    [['swap', 'web', 'app:2', '--within', 'soon'], '--within: expected a duration'],
    [['swap', 'web', 'app:2', '--keep', '0'], '--keep: expected a whole number from 1'],
    [['swap', 'web', 'app:2', '--candidate-env', 'A=b'], '--candidate-env without --hand-over: what it keeps off'],
    [['rollback', 'web', '--candidate-env', 'A b', '--hand-over', 'c'], '--candidate-env: expected NAME=VALUE'],
    [['rollback'], 'twinedge rollback UPSTREAM'],
    [['rollback', 'web', 'last'], 'RELEASE: expected a whole number from 1'],
    [['slots', 'stop', 'web'], 'twinedge slots pause|resume|maintenance UPSTREAM'],
    [['slots', 'pause', 'web', '--longest', '0'], '--longest: expected a duration']
  ] as const) {
    const { code, err } = await run(...args)
    t.equal(code, 2, args.join(' '))
    t.ok(err.startsWith(`EDGE_USAGE: ${said}`), err)
  }
  t.same(asked, [])
})

t.test('without an engine, that is what is said, and what to do', async t => {
  for (const args of [['swap', 'web', 'app:2'], ['rollback', 'web'], ['history'], ['slots']]) {
    const { code, out, err } = await twinedge(args, { DOCKER_HOST: 'unix:///nonexistent/docker.sock' })
    t.same([code, out], [1, ''], args.join(' '))
    t.match(err, /^COMPOSE_ENGINE_UNREACHABLE: connect ENOENT \/nonexistent\/docker\.sock\nnext: start Docker/)
  }
})
