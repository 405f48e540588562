import { chmod, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { exampleEnv } from '../../compose/env/example.ts'
import { filled, filledText, goodSecret } from '../compose/env/filled.ts'
import { command, project, twinedge } from '../doubles/command.ts'
import { folder } from '../proxy/control/control.ts'

const isRoot = process.getuid?.() === 0

async function write(t: Test, text: string, mode = 0o600): Promise<string> {
  const file = join(await folder(t), '.env')
  await writeFile(file, text)
  await chmod(file, mode)
  return file
}

t.test('env example prints what is to be copied to .env', async t => {
  t.same(await twinedge(['env', 'example', 'single']), { code: 0, out: exampleEnv('single'), err: '' })
})

t.test('env check --file takes a file that is right, and says so', async t => {
  const file = await write(t, filledText('backend'))
  const outcome = await twinedge(['env', 'check', 'backend', '--file', file])
  t.same(outcome, { code: 0, out: 'the environment of the backend stack is ok\n', err: '' })
})

t.test('env check --file tells all that is wrong at once: the text, the values, the mode', async t => {
  const file = await write(t, `${filledText('backend')}HTTP_PORT=x\nHTTP_PORT=y\nAPP_TOKEN=a$b\n`, 0o640)
  const { code, out, err } = await twinedge(['env', 'check', 'backend', '--file', file])
  t.same([code, out], [1, ''])
  const [head, ...lines] = err.trimEnd().split('\n')
  t.equal(head, 'COMPOSE_ENV_REFUSED:')
  t.match(lines, [
    /\.env +found mode 0640; +expected 0600: chmod 600 \S+\.env$/,
    /^HTTP_PORT +found it on lines \d+ and \d+; +expected it once/,
    /^APP_TOKEN +found a \$, .*; +expected single quotes/,
    /^HTTP_PORT +found "y"; +expected a whole number/,
    /^next: mend these in the file that is named/
  ])
  t.equal(lines.length, 5)
})

t.test('env check --file says that a file is not there', async t => {
  const file = join(await folder(t), 'none.env')
  const { code, err } = await twinedge(['env', 'check', 'frontend', '--file', file])
  t.equal(code, 1)
  t.match(err, /^CONFIG_MISSING: .*none\.env: ENOENT/)
})

t.test('without a file, env check goes by the variables of its process', async t => {
  t.equal((await twinedge(['env', 'check', 'frontend'])).code, 0)
  t.match(
    (await twinedge(['env', 'check', 'frontend'], { DOMAIN: 'site.cn' })).err,
    /^DOMAIN +found .*probably DOMAINS$/m
  )
  const good = { ...filled('backend') }
  t.equal((await twinedge(['env', 'check', 'backend'], good)).code, 0)
  const { code, err } = await twinedge(['env', 'check', 'backend'], {
    ...good,
    EXCELMANUS_JWT_SECRET: 'hunter2-hunter2'
  })
  t.equal(code, 1)
  t.match(err, /^EXCELMANUS_JWT_SECRET +found what may not be shown; +expected a secret \(it has 15 characters/m)
  t.notMatch(err, /hunter2/)
})

t.test('env check --beside goes by the file, and before it by what the process has', async t => {
  const file = await write(t, filledText('backend'))
  const check = (env: NodeJS.ProcessEnv) => twinedge(['env', 'check', 'backend', '--beside', file], env)
  t.same(await check({}), { code: 0, out: 'the environment of the backend stack is ok\n', err: '' })
  t.equal((await check({ DOMAINS: '', WEB_ORIGIN: '' })).code, 0, 'what is empty says nothing')
  t.match((await check({ WEB_ORIGIN: 'x' })).err, /^WEB_ORIGIN +found "x"/m)
  await writeFile(file, 'DOMAINS=localhost\nHTTP_PORT=x\nHTTP_PORT=$y\n')
  const { code, err } = await check({})
  t.equal(code, 1)
  t.match(err, /^HTTP_PORT +found it on lines 2 and 3.*\nHTTP_PORT +found a \$.*\nHTTP_PORT +found "\$y"/m)
})

t.test('env check --beside looks at the mode of the file, unless there is nothing to hide', async t => {
  const file = await write(t, filledText('backend'), 0o604)
  const check = (env: NodeJS.ProcessEnv = {}) => twinedge(['env', 'check', 'backend', '--beside', file], env)
  const open = await check()
  t.equal(open.code, 1)
  t.match(open.err, /^COMPOSE_ENV_REFUSED:\n\.env +found mode 0604; +expected 0600: chmod 600 \.env\nnext: [^\n]*\n$/)
  await chmod(file, 0o600)
  t.equal((await check()).code, 0)
  await writeFile(file, 'DOMAINS=localhost\n')
  await chmod(file, 0o644)
  t.equal((await check()).code, 0, 'a trial without a secret')
  t.match((await check({ EXCELMANUS_API_KEY: 'k' })).err, /mode 0644/, 'a trial with one')
})

t.test('env check --beside needs no file, unless one was named', async t => {
  const args = ['env', 'check', 'backend', '--beside', join(await folder(t), 'none.env')]
  t.equal((await twinedge(args)).code, 0, 'a trial')
  t.equal((await twinedge(args, { DOMAINS: 'a.test' })).code, 0, 'a trial, with a word from a shell')
  const { code, err } = await twinedge(args, { ENV_FILE: 'none.env' })
  t.equal(code, 1)
  t.match(err, /^ENV_FILE +found "none\.env"; +expected a file beside the compose files$/m)
})

t.test('env check --beside refuses a site whose variables came from another file than the containers get', async t => {
  const expected = /^ENV_FILE +found nothing; +expected the name of the file that holds DOMAINS, in it$/m
  const none = ['env', 'check', 'backend', '--beside', join(await folder(t), '.env')]
  t.match((await twinedge(none, { ...filled('backend') })).err, expected, 'there is none')
  const other = ['env', 'check', 'backend', '--beside', await write(t, filledText('backend'))]
  t.match((await twinedge(other, { DOMAINS: '[other.cn]' })).err, expected)
  t.equal((await twinedge(other, { DOMAINS: `${filled('backend').DOMAINS}` })).code, 0)
})

t.test('env check --beside does not take a link that leads nowhere for no file', async t => {
  const file = join(await folder(t), '.env')
  await symlink('/nonexistent/.env', file)
  const { code, err } = await twinedge(['env', 'check', 'backend', '--beside', file])
  t.equal(code, 1)
  t.match(err, /^\.env +found a link that leads out of its folder; +expected the file itself/m)
})

t.test('both compose files and SERVER=single go together', async t => {
  const check = (server: string, env: NodeJS.ProcessEnv) => twinedge(['env', 'check', server], env)
  t.match((await check('backend', { HAS_WEB: '1', HAS_API: '1' })).err, /^SERVER +found "backend"; +expected single/m)
  t.match((await check('single', { HAS_WEB: '1' })).err, /^COMPOSE_FILE +found nothing; +expected both/m)
  t.equal((await check('single', { HAS_WEB: '1', HAS_API: '1' })).code, 0)
  t.equal((await check('frontend', { HAS_WEB: '1' })).code, 0)
})

t.test(
  'env check --beside goes by the mode alone where it may not read',
  { skip: isRoot ? '' : 'needs root, to give it up' },
  async t => {
    const file = await write(t, filledText('backend'))
    await chmod(join(file, '..'), 0o755)
    const who = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all']
    const start = [join(project, 'scripts/twinedge'), 'env', 'check', 'backend', '--beside', file]
    const variables = Object.entries(filled('backend')).map(([name, value]) => `${name}=${value}`)
    const check = () => command('env', ['-u', 'NODE_OPTIONS', ...variables, 'setpriv', ...who, ...start])
    t.match(await check(), { code: 0, err: '' })
    await chmod(file, 0o620)
    t.match(await check(), { code: 1, err: /mode 0620/ })
  }
)

t.test('what SERVER says is checked as well, where the compose files hand it over', async t => {
  const typo = await twinedge(['env', 'check', 'singel'], { SERVER: 'singel' })
  t.equal(typo.code, 1)
  t.match(typo.err, /^SERVER +found "singel"; +expected one of .*; probably single$/m)
  t.equal((await twinedge(['env', 'check', 'single'], { SERVER: '' })).code, 0, 'said on the command line alone')
  const file = await write(t, filledText('single').replace('SERVER=single', ''))
  t.match((await twinedge(['env', 'check', 'single', '--file', file])).err, /^SERVER +found nothing; +expected single/m)
})

t.test('a wrong call is told how it goes', async t => {
  for (const args of [[], ['check'], ['check', 'middle'], ['show', 'single'], ['check', 'single', 'x']]) {
    const { code, err } = await twinedge(['env', ...args])
    t.equal(code, 2, args.join(' '))
    t.match(err, /^EDGE_USAGE: twinedge env check frontend\|backend\|single/)
  }
  t.equal((await twinedge(['env', 'check', 'single', '--file', 'a', '--beside', 'b'])).code, 2)
  t.ok(goodSecret.length >= 32)
})
