import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { type Outcome, project, twinedge } from '../../doubles/command.ts'
import { type SshServer, sshMissing, startSshServer } from '../../doubles/ssh/server.ts'

/** Both servers are this machine, with a folder each; the backend's tool tells what it was told, the frontend's is ours. */
async function makeSite(t: Test) {
  const servers = await Promise.all([startSshServer(t, 'frontend'), startSshServer(t, 'backend')])
  const [frontend, backend] = servers as [SshServer, SshServer]
  mkdirSync(frontend.plan.folder)
  symlinkSync(project, join(frontend.plan.folder, 'tool'))
  const tool = join(backend.plan.folder, 'tool/scripts/twinedge')
  mkdirSync(dirname(tool), { recursive: true })
  const says = `#!/bin/sh\necho "$TWINEDGE_SERVER $COMPOSE_PROJECT_NAME $PWD"\nprintf '[%s]\\n' "$@"\nexit 7\n`
  writeFileSync(tool, says, { mode: 0o755 })
  const file = join(frontend.folder, 'deploy.yaml')
  const rows = servers.map(
    ({ plan }, at) =>
      `  ${plan.name}: { ssh: ${plan.ssh}, ssh-config: ${plan.sshConfig}, address: 127.0.0.${at + 1}, folder: ${plan.folder} }`
  )
  const text = `site: te-none\ndomains: example.com\nservers:\n${rows.join('\n')}\nweb: { source: . }\napi: { source: . }\n`
  writeFileSync(file, text)
  const run = (...args: string[]): Promise<Outcome> => twinedge(args, { TWINEDGE_SITE: file })
  return { file, folder: backend.plan.folder, tool, run }
}

t.test('what works beside an edge is done on the server that is meant', { skip: sshMissing }, async t => {
  const { file, folder, tool, run } = await makeSite(t)
  const told = (...args: string[]): Outcome => {
    const lines = [`backend te-none ${folder}`, ...args.map(arg => `[${arg}]`)]
    return { code: 7, out: `${lines.join('\n')}\n`, err: '' }
  }
  const typed = [
    ['certs', 'renew', '--force', "it's"],
    ['link', 'tune', '--dry-run'],
    ['slots', 'settle'],
    ['restart', 'edge']
  ]
  const done = await Promise.all(typed.map(args => run(...args, '--server', 'backend')))
  t.same(
    done,
    typed.map(args => told(...args))
  )
  t.same(await run('swap', 'api', 'app:2', `--site=${file}`), told('swap', 'api', 'app:2'), 'the part tells the server')

  const history = await run('history', '--server', 'backend')
  t.match(history, { code: 7, out: /^backend te-none / }, 'who reads it is told what to type on the laptop')

  t.test('so it is with every verb of that kind', async t => {
    const before = process.cwd()
    t.teardown(() => process.chdir(before))
    process.chdir(t.testdir({}))
    const bare = ['reload', 'standby', 'health', 'metrics', 'log-level', 'slots', 'link']
    const pairs = [
      'link pair',
      'link rotate',
      'link check',
      'link tune --dry-run',
      'certs renew',
      'certs import x',
      'slots settle'
    ]
    for (const typed of [
      ...bare,
      ...pairs,
      'slots pause web',
      'swap web a:1',
      'certs',
      'status',
      'logs',
      'restart web'
    ]) {
      const [verb = '', ...args] = typed.split(' ')
      const { run } = await import(join(project, `scripts/verbs/${verb}.ts`))
      await t.rejects(run([...args, '--site', 'nowhere.yaml', '--server', 'backend']), { code: 'SITE_MISSING' }, typed)
    }
  })

  t.test('where both may be meant, or none, that is asked, and nothing is done', async t => {
    const which = { code: 2, err: /^EDGE_USAGE: which server\? --server frontend or --server backend\nnext: twinedge / }
    t.match(await run('link', 'tune', '--dry-run'), which, 'and this laptop is not tuned')
    t.match(await run('swap', 'api', 'app:2', '--server', 'frontend'), { code: 2, err: /api is on backend/ })
    t.match(await run('reload', '--server', 'backend', '--socket', '/x'), { code: 2, err: /for servers, .* for here/ })
    t.match(await run('swap', 'api', 'a', '--hand-over', 'x', '--candidate-env', 'KEY=1'), { code: 2, err: /itself/ })
    t.match(await run('reload', '--socket', '/nonexistent'), { code: 1, err: /^EDGE_NOT_RUNNING/ }, 'the one of here')
    for (const verb of ['reload', 'logs', 'status']) {
      t.match(await twinedge([verb, '--server', 'backend']), { code: 1, err: /^SITE_MISSING/ }, verb)
    }
  })

  t.test('the next step that is printed here works from here', async t => {
    const { code, err } = await run('certs', 'renew', '--server', 'frontend')
    t.equal(code, 1)
    t.match(err, /^EDGE_NOT_RUNNING: .*\nnext: start it: twinedge restart edge --server frontend\n$/)
    const logs = await run('logs', '--server', 'frontend')
    t.match(logs, { code: 1, err: /^COMPOSE_NO_STACK: frontend: .*\nnext: twinedge bootstrap frontend\n$/ })
    rmSync(tool)
    const missing = /^SERVER_TOOL_MISSING: backend .*\nnext: set the server up: twinedge bootstrap backend\n/m
    for (const typed of ['reload --server backend', 'logs api', 'restart api', 'history --server backend']) {
      t.match(await run(...typed.split(' ')), { code: 1, err: missing }, typed)
    }
    t.match(await run('exec', 'api', '--', 'true'), { code: 1, err: missing })
    t.match((await run('status')).out, /^backend: {3}next: set the server up: twinedge bootstrap backend$/m)
  })
})
