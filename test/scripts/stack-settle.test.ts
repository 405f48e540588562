import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readJournal, writeJournal } from '../../compose/record/journal.ts'
import { writePending } from '../../compose/record/pending.ts'
import { entry, pending } from '../compose/status/findings.ts'
import { type Outcome, twinedge } from '../doubles/command.ts'
import { startSlotEdge } from '../doubles/stack/slot-edge.ts'

interface Server {
  readonly records: string
  run(...args: string[]): Promise<Outcome>
}

/** An engine with one container, the edge of project p; and that edge, with nothing behind it. */
async function server(t: Test): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'te-settle-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await startSlotEdge(t, join(folder, 'control.sock'), {
    'web/blue': 'http://127.0.0.1:1',
    'web/green': 'http://127.0.0.1:1'
  })
  const label = 'com.docker.compose.project'
  const edge = {
    ...{ Id: 'edge', Image: 'sha256:1', State: { Status: 'exited', ExitCode: 0 }, HostConfig: {} },
    Config: { Image: 'edge:1', Labels: { [`${label}.working_dir`]: folder } },
    Mounts: [{ Destination: '/run/twinedge', Source: folder }]
  }
  const engine = createServer((request, answer) => {
    const path = decodeURIComponent(request.url ?? '')
    const isListed = path.startsWith('/containers/json') && !path.includes('service=web-')
    const found = isListed
      ? [{ ...edge, Created: 1, Labels: { 'com.docker.compose.service': 'edge' } }]
      : path.startsWith('/containers/json')
        ? []
        : path === '/containers/edge/json'
          ? edge
          : null
    answer.writeHead(found === null ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(found))
  })
  const socket = join(folder, 'docker.sock')
  await new Promise<void>(resolve => engine.listen(socket, resolve))
  t.teardown(() => {
    engine.closeAllConnections()
    engine.close()
  })
  return {
    records: join(folder, '.twinedge/stack/p'),
    run: (...args) => twinedge([...args, '--project', 'p'], { DOCKER_HOST: `unix://${socket}` })
  }
}

t.test('slots settle undoes what was left, says so, and leaves no lock; a second time there is nothing', async t => {
  const { records, run } = await server(t)
  await writePending(records, pending('startCandidate'))
  const said = 'undoing the swap of web to app:3 that li@cn left at startCandidate\n'
  t.same(await run('slots', 'settle'), { code: 0, out: said, err: '' })
  t.match(await readJournal(records), [{ outcome: 'undone', release: 3, who: 'li@cn' }])
  t.same(await readdir(records), ['journal.jsonl'])
  t.same(await run('slots', 'settle'), { code: 0, out: 'nothing was left unfinished\n', err: '' })
})

t.test('a later change settles it first, and a change that is refused leaves no lock either', async t => {
  const { records, run } = await server(t)
  await writePending(records, pending('startCandidate'))
  t.match(await run('rollback', 'web'), { code: 1, out: /^undoing the swap of web/, err: /^COMPOSE_NO_RELEASE/ })
  t.same(await readdir(records), ['journal.jsonl'])
})

t.test('what was left and cannot be read hides nothing else, and settle sets it aside', async t => {
  const { records, run } = await server(t)
  await mkdir(records, { recursive: true })
  await writeFile(join(records, 'pending.json'), '{"change":')
  t.match(await run('status'), { code: 0, out: /^stack p in /m, err: '' })
  t.match(await run('history'), { code: 0, err: '' })
  t.match(await run('slots', 'settle'), { code: 0, out: /^what was left unfinished cannot be read \(.*\.broken-/ })
  t.match(await readdir(records), [/^pending\.json\.broken-/])
})

t.test('status tells of what was left, not of what that has left in disorder; found is no change', async t => {
  const { records, run } = await server(t)
  await writeJournal(records, entry({ verb: 'found', release: 1, before: null }))
  const calm = (await run('status')).out
  t.match(calm, /^WARNING: the edge sends requests to web-blue, which has no container$/m)
  t.notMatch(calm, /last change/)
  await writePending(records, pending('startCandidate'))
  const left = (await run('status')).out
  t.match(
    left,
    /^UNFINISHED: the swap of web to app:3, .* left at startCandidate, the flip has not happened\n {2}next: /m
  )
  t.notMatch(left, /WARNING/)
})
