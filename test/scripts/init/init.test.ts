import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { faultsOf } from '../../../compose/env/checks.ts'
import { readEnvFile } from '../../../compose/env/env-file.ts'
import { loadSite } from '../../../compose/laptop/plan/load.ts'
import { command, type Outcome, project } from '../../doubles/command.ts'
import { startNameServer } from '../../doubles/dns/name-server.ts'

const program = join(project, 'scripts/twinedge')

interface Laptop {
  readonly folder: string
  path(...parts: string[]): string
  read(name: string): string
  init(...args: string[]): Promise<Outcome>
}

/** A project as the old deploy script has it, in a git repository, with a folder for the operator. */
function layProject(t: Test, deployEnv: string | null, files: Record<string, string> = {}): Laptop {
  const root = mkdtempSync(join(tmpdir(), 'te-init-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const all: Record<string, string> = {
    'app/web/next.config.ts': '',
    'app/pyproject.toml': '',
    'app/excelmanus/api.py': 'app: FastAPI = FastAPI()\n',
    'app/id.pem': '',
    ...(deployEnv !== null && { 'app/deploy/.env.deploy': deployEnv }),
    ...files
  }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  const folder = join(root, 'app/ops')
  mkdirSync(folder)
  execFileSync('git', ['init', '-q', join(root, 'app')])
  const path = (...parts: string[]): string => join(folder, ...parts)
  const { NODE_OPTIONS: _, ...env } = process.env
  // Nobody's own hosts, and nobody's DNS, unless a test says otherwise.
  const own = ['--ssh-config', '/dev/null', '--resolver', '127.0.0.1:9']
  return {
    folder,
    path,
    read: name => readFileSync(path(name), 'utf8'),
    init: (...args) => command(program, ['init', ...own, ...args], { cwd: folder, env })
  }
}

const split = `# 部署
BACKEND_SERVER=47.1.2.3
FRONTEND_SERVER="8.1.2.3"
SERVER_USER=root
SITE_DOMAIN=
SITE_URL=https://shop.cn
SSH_KEY_NAME=id.pem   # relative to the project
PRE_DEPLOY_HOOK=./check.sh
`

t.test('an old .env.deploy for two servers is all that it takes', async t => {
  const laptop = layProject(t, split, {
    'app/.env': 'EXCELMANUS_API_KEY=sk-very-secret\nEXCELMANUS_JWT_SECRET=changeme\n'
  })
  const { code, out, err } = await laptop.init()
  t.same([code, err], [0, ''])
  t.match(out, 'frontend: root@8.1.2.3 (.env.deploy), address 8.1.2.3\n')
  t.match(out, 'backend.env: taken over: EXCELMANUS_API_KEY\nbackend.env: made: EXCELMANUS_JWT_SECRET\n')
  t.notMatch(out, 'sk-very-secret')
  const site = await loadSite(laptop.path('deploy.yaml'))
  const app = join(laptop.folder, '..')
  t.match(site, {
    domains: ['shop.cn'],
    servers: [
      { name: 'frontend', ssh: 'root@8.1.2.3', address: '8.1.2.3', key: join(app, 'id.pem') },
      { name: 'backend', ssh: 'root@47.1.2.3', address: '47.1.2.3', key: join(app, 'id.pem') }
    ],
    parts: { web: { source: join(app, 'web') }, api: { source: app, args: { API_APP: 'excelmanus.api:app' } } },
    hooks: { before: './check.sh' }
  })
  for (const [server, peer] of [
    ['frontend', '47.1.2.3'],
    ['backend', '8.1.2.3']
  ] as const) {
    t.equal(statSync(laptop.path(`${server}.env`)).mode & 0o777, 0o600)
    const { env } = readEnvFile(laptop.read(`${server}.env`), '')
    t.match(env, { DOMAINS: '[shop.cn]', TLS_MODE: 'acme', LINK_PEER: peer })
    t.same(faultsOf(env, server), [], 'what it writes would start')
  }
  t.match(readEnvFile(laptop.read('backend.env'), '').env, {
    EXCELMANUS_API_KEY: 'sk-very-secret',
    EXCELMANUS_CORS_ALLOW_ORIGINS: 'https://shop.cn'
  })
  t.notMatch(laptop.read('frontend.env'), 'sk-very-secret', 'the web app gets no secrets of the API')
  const open = execFileSync('git', ['-C', app, 'status', '--short', '-uall'], { encoding: 'utf8' })
  t.notMatch(open, /ops\/.*\.env/, 'git does not see them')
  t.match(open, 'ops/deploy.yaml')
})

t.test('what is there stays, and --force keeps it and the secrets in it', async t => {
  const laptop = layProject(t, split)
  await laptop.init()
  const before = laptop.read('backend.env')
  t.match(await laptop.init(), { code: 1, err: /^SITE_EXISTS: deploy\.yaml\n/ })
  rmSync(laptop.path('deploy.yaml'))
  t.match(await laptop.init(), { code: 1, err: /^SITE_EXISTS: frontend\.env, backend\.env in / })
  t.equal(existsSync(laptop.path('deploy.yaml')), false, 'all of them or none')
  for (const name of ['backend.env.bak', 'backend.env.bak-2']) {
    t.match(await laptop.init('--force', '--domain', 'www.shop.cn'), { code: 0, out: `what was there is ${name}\n` })
  }
  t.equal(laptop.read('backend.env.bak'), before)
  const secret = /^EXCELMANUS_JWT_SECRET=.{48}$/m.exec(before)?.[0]
  t.ok(secret && laptop.read('backend.env').includes(secret), 'who is logged in stays logged in')
  t.match(laptop.read('backend.env'), 'DOMAINS=[www.shop.cn]')
})

t.test('one server: as the old file has it, or as an option says', async t => {
  const laptop = layProject(
    t,
    'BACKEND_SERVER=47.1.2.3\nFRONTEND_SERVER=47.1.2.3\nSITE_DOMAIN=shop.cn\nSSH_PORT=2222\n'
  )
  t.match(await laptop.init(), { code: 0 })
  t.match((await loadSite(laptop.path('deploy.yaml'))).servers, [{ name: 'single', ssh: 'ssh://root@47.1.2.3:2222' }])
  const { env } = readEnvFile(laptop.read('single.env'), '')
  t.same(faultsOf(env, 'single'), [])
  t.match(env, { SERVER: 'single', COMPOSE_FILE: /frontend\.yml:.*backend\.yml/ })
  const asked = await laptop.init('--force', '--single', 'ops@8.1.2.3', '--name', 'shop')
  t.match(asked, { code: 0, out: 'single: ops@8.1.2.3 (--single), address 8.1.2.3\n' })
  t.match(laptop.read('single.env'), '\nCOMPOSE_PROJECT_NAME=shop\n')
})

t.test('without a terminal all that is missing is told at once; what is wrong is refused', async t => {
  const laptop = layProject(t, null, { 'app/other/next.config.js': '' })
  const { code, err, out } = await laptop.init('--backend', 'root@nowhere.test')
  t.equal(code, 1)
  t.match(err, /^SITE_UNKNOWN:\n/)
  for (const option of ['--domain example.com', '--frontend root@203.0.113.7', '--address backend=', '--web FOLDER']) {
    t.match(err, option)
  }
  t.match(out, 'several folders could be the web app: ../other, ../web\n')
  t.equal(existsSync(laptop.path('deploy.yaml')), false)
  for (const [args, why] of [
    [['--single', 'a@b', '--frontend', 'c@d'], /--single is one server/],
    [['--frontend', '-oProxyCommand=x'], /ambiguous|what ssh takes/],
    [['--domain', '*.shop.cn'], /wildcards are not supported/],
    [['--address', '8.8.8.8'], /SERVER=ADDRESS/]
  ] as const) {
    t.match(await laptop.init(...args), { code: 2, err: why })
  }
  t.match(await laptop.init('--from', 'gone'), { code: 1, err: /^SITE_MISSING/ })
})

t.test('ssh and DNS are asked before anybody is: hosts of a configuration, addresses, a www', async t => {
  const dns = await startNameServer(t)
  dns.set('shop.cn', 'A', ['8.1.2.3'])
  dns.set('www.shop.cn', 'CNAME', ['shop.cn'])
  dns.set('back.shop.cn', 'A', ['47.1.2.3'])
  const laptop = layProject(t, 'SITE_URL=https://shop.cn/\n')
  writeFileSync(laptop.path('ssh'), 'Host *.old shop-frontend\n  HostName 8.1.2.3\nHost shop-backend\n  User ops\n')
  const asked = await laptop.init(
    '--ssh-config',
    laptop.path('ssh'),
    '--resolver',
    dns.place,
    '--backend',
    'ops@back.shop.cn'
  )
  t.match(asked, { code: 1, err: /the address of the frontend server \(shop-frontend leads to none\)/ })
  t.match(asked.out, "frontend: shop-frontend (ssh's configuration)\n")
  t.match(asked.out, 'backend: ops@back.shop.cn (--backend), address 47.1.2.3 (DNS for back.shop.cn)\n')
  t.match(asked.out, 'domains: shop.cn, www.shop.cn (.env.deploy and DNS)\n')
})

t.test('in a terminal what is missing is asked for, until it will do', async t => {
  const laptop = layProject(t, null)
  const answers = ['*.shop.cn', 'shop.cn www.shop.cn', '', 'root@8.1.2.3', 'ops@47.1.2.3', 'ops@shop.cn']
  const typed = join(laptop.folder, 'typed')
  writeFileSync(typed, `${answers.join('\n')}\n`)
  const line = `"${program}" init --ssh-config /dev/null --resolver 127.0.0.1:9`
  const { code, out } = await inTerminal(laptop, line, typed)
  t.equal(code, 0, out)
  t.match(out, /expected a domain name|expected names such as/)
  t.match(out, /How many servers, 1 or 2 \[2\]: /)
  t.match(await loadSite(laptop.path('deploy.yaml')), {
    domains: ['shop.cn', 'www.shop.cn'],
    servers: [
      { ssh: 'root@8.1.2.3', address: '8.1.2.3' },
      { ssh: 'ops@47.1.2.3', address: '47.1.2.3' }
    ]
  })
  t.match(laptop.read('backend.env'), '\nACME_EMAIL=ops@shop.cn\n')
})

/** A real one, in which the answers have been typed already. */
function inTerminal({ folder }: Laptop, line: string, typed: string): Promise<Outcome> {
  const { NODE_OPTIONS: _, ...env } = process.env
  return command('sh', ['-c', `script -qefc '${line}' /dev/null <"${typed}"`], { cwd: folder, env })
}
