// The script that puts the edge in the place of what serves, by a real ssh and a real shell; Docker and systemd are
// stand-ins, which write down what they are told.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { carryOut } from '../../../../compose/laptop/bootstrap/actions.ts'
import { type BareHold, holdBare } from '../../../../compose/laptop/site/bare-hold.ts'
import { connectSsh, type Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { keepWhatServes } from '../../../../compose/laptop/takeover/before.ts'
import { bringUp } from '../../../../compose/laptop/takeover/bring-up.ts'
import type { SshServer } from '../../../doubles/ssh/server.ts'
import { startStandIns } from '../../../doubles/ssh/stand-ins.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'
import { factsOf } from '../../../fixtures/server-answers.ts'

/** An edge is healthy unless `.env` said BAD at its `up`, which waits for the file `go` where there is a file `wait`. */
const docker = `case "$*" in compose*) [ -f .env ] || { echo 'no configuration file provided' >&2; exit 14; } ;; esac
case "$*" in
  'compose up'*)
    while [ -e "$STAND/wait" ] && [ ! -e "$STAND/go" ]; do sleep 0.05; done
    cp .env "$STAND/edge"
    echo again >>"$STAND/ups" ;;
  'compose ps'*) [ ! -e "$STAND/edge" ] || echo "edge-$(cat "$STAND/ups" 2>/dev/null | wc -l)" ;;
  *Health*) if [ ! -e "$STAND/edge" ] || grep -q BAD "$STAND/edge"; then echo 'unhealthy 4'; else echo 'healthy 0'; fi ;;
  *Config.Image*) echo localhost/twinedge/proxy:local ;;
  *'{{.Image}}'*) echo sha256:old ;;
  logs*) for at in 1 2 3; do echo '{"level":"error","time":"'$at'"}'; echo 'the edge says why'; done ;;
esac
`

interface World {
  readonly server: SshServer
  at(name: string): string
  readonly ssh: Ssh
  readonly hold: BareHold
  readonly work: ReturnType<typeof workOn>
  file(name: string): string
  calls(): string
}

/** @param serves the `.env` of an edge that runs @param more programs */
async function world(t: Test, env: string, serves?: string, more: Record<string, string> = {}): Promise<World> {
  const { server, at, calls } = await startStandIns(t, 'frontend', { docker, systemctl: '', ...more })
  const file = (name: string): string => join(server.plan.folder, name)
  if (serves !== undefined) writeFileSync(at('edge'), serves)
  mkdirSync(file('site'), { recursive: true })
  writeFileSync(file('.env'), env)
  const ssh = await connectSsh(server.plan)
  const hold = await holdBare(ssh, { by: 'ops@laptop', verb: 'bootstrap frontend', now: () => new Date() })
  t.teardown(async () => {
    await hold.free()
    await ssh.close()
  })
  const work = workOn(ssh, { hold, env })
  return { server, ssh, hold, work, at, file, calls }
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isTrue(); tries++) await pause(25)
  if (!isTrue()) throw new Error('it does not come')
}

/** As a bootstrap does before it changes anything. */
async function keep({ work, file, at }: Pick<World, 'work' | 'file' | 'at'>, state = 'healthy'): Promise<void> {
  const id = `edge-${read(at('ups')).split('\n').length - 1}`
  const containers = `twinedge-edge-1\timage\trunning\tUp 3 hours (${state})\ttwinedge\tedge\t${id}`
  const before = read(file('site/before/edge')).trim() || 1
  const facts = factsOf({ containers, before })
  for (const action of keepWhatServes({ ...work, facts })) await carryOut(work.ssh, action)
}

/** @returns '' where there is none */
function read(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

for (const [env, end, last] of [
  ['DOMAINS=[site.test]\n', '0', /up -d[\s\S]*systemctl disable nginx\n/],
  ['DOMAINS=[site.test]\nBAD=1\n', '1', /compose stop edge\nsystemctl start nginx\n/]
] as const) {
  const what = end === '0' ? 'the edge serves' : 'nginx serves again'
  t.test(`a laptop that dies when nginx has just been stopped: ${what}`, async t => {
    const { server, at, file, work, calls, hold } = await world(t, env)
    writeFileSync(at('wait'), '')
    const followed = bringUp(work, 'service', ['edge'])
    followed.catch(() => {})
    await until(() => calls().includes('compose up'))
    t.match(calls(), /systemctl stop nginx\n/)
    t.match(calls(), /compose up -d --no-build --pull never edge\n/, 'the site is dark: no registry is waited for')
    t.notMatch(calls(), /disable/, 'a boot would bring it back')
    const pid = readFileSync(file('site/bring-up/pid'), 'utf8').trim()
    const [, , session] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(1)
    t.equal(session, pid, 'in a session of its own')
    server.kill()
    await t.rejects(followed, { code: /^SSH_/ })
    await server.start()
    const other = await connectSsh(server.plan)
    t.teardown(() => other.close())
    const another = holdBare(other, { by: 'li@laptop', verb: 'bootstrap', now: () => new Date() })
    await t.rejects(another, { code: 'DEPLOY_LOCKED', detail: /ops@laptop has been at "bootstrap frontend"/ })
    const lock = (): { token: string; until: number } => JSON.parse(readFileSync(file('site/lock.json'), 'utf8'))
    const { until: was } = lock()
    // Once is enough: it keeps it every five seconds.
    if (end === '0') await until(() => lock().until > was)
    t.equal(lock().token, hold.token, 'the server itself holds the site until it is done')
    writeFileSync(at('go'), '')
    await until(() => existsSync(file('site/bring-up/code')))
    t.equal(readFileSync(file('site/bring-up/code'), 'utf8').trim(), end)
    t.match(calls(), last)
    if (end === '1') t.notMatch(calls(), /disable/)
  })
}

t.test('a server that is told to shut down has nginx back first', async t => {
  const { work, at, file, calls } = await world(t, 'DOMAINS=[site.test]\n')
  writeFileSync(at('wait'), '')
  const failed = t.rejects(bringUp(work, 'service', ['edge']), { code: 'SERVER_EDGE_DOWN' })
  await until(() => calls().includes('compose up'))
  process.kill(Number(read(file('site/bring-up/pid'))), 'SIGTERM')
  writeFileSync(at('go'), '')
  await failed
  t.match(calls(), /compose stop edge\nsystemctl start nginx\n$/)
})

t.test('what serves is kept though somebody has taken its .env away', async t => {
  const here = await world(t, 'DOMAINS=[site.test]\n', 'DOMAINS=[site.test]\n')
  rmSync(here.file('.env'))
  await keep(here)
  t.equal(read(here.file('site/before/edge')), 'edge-0\n')
  t.equal(read(here.file('site/before/image')), 'localhost/twinedge/proxy:local\n')
})

t.test('a disk that was full for a moment does not let others in', async t => {
  const full = '[ ! -e "$STAND/full" ] || { touch "$STAND/failed"; exit 1; }'
  const mktemp = `${full}\nPATH=\${PATH#*:} exec mktemp "$@"`
  const { server, at, file, work, hold } = await world(t, 'DOMAINS=[site.test]\n', undefined, { mktemp })
  for (const name of ['wait', 'full']) writeFileSync(at(name), '')
  const followed = bringUp(work, 'service', ['edge'])
  followed.catch(() => {})
  await until(() => existsSync(at('failed')))
  server.cut()
  rmSync(at('full'))
  const lock = (): { token: string; until: number } => JSON.parse(readFileSync(file('site/lock.json'), 'utf8'))
  const { until: was } = lock()
  await until(() => lock().until > was)
  t.equal(lock().token, hold.token)
  writeFileSync(at('go'), '')
  await until(() => existsSync(file('site/bring-up/code')))
})

t.test('an engine that hangs keeps nginx away for no more than six minutes', async t => {
  const timeout = 'exit 124'
  const { work, calls } = await world(t, 'DOMAINS=[site.test]\n', undefined, { timeout })
  await t.rejects(bringUp(work, 'service', ['edge']), { code: 'SERVER_EDGE_DOWN' })
  const told = calls().split('\n')
  const dark = told.slice(told.indexOf('systemctl stop nginx'), told.indexOf('systemctl start nginx'))
  const seconds = dark.map(line => Number(/^timeout -k 5 (\d+)/.exec(line)?.[1] ?? 0) + 5)
  t.ok(seconds.length > 4 && seconds.reduce((sum, one) => sum + one, 0) <= 360, dark.join('\n'))
})

t.test('an edge that ends at once gives way to the one that served', async t => {
  const served = 'DOMAINS=[site.test]\nWEB_ENV_FILE=web.env\nWEB_BLUE_IMAGE=web:1\n'
  const here = await world(t, served, served)
  const { work, file, calls } = here
  writeFileSync(file('docker-compose.frontend.yml'), 'old: file\n')
  writeFileSync(file('web.env'), 'OLD=1\n', { mode: 0o600 })
  // One that was killed in the middle of it has left this.
  mkdirSync(file('site/before.new/files'), { recursive: true })
  writeFileSync(file('site/before.new/files/docker-compose.backend.yml'), 'stale: file\n')
  await keep(here)
  t.equal(statSync(file('site/before/files')).mode & 0o77, 0)
  // What the bootstrap brings, and what a swap has written since.
  writeFileSync(file('.env'), 'DOMAINS=[site.test]\nBAD=1\nWEB_BLUE_IMAGE=web:2\n')
  writeFileSync(file('web.env'), 'NEW=1\n')
  writeFileSync(file('docker-compose.frontend.yml'), 'new: file\n')
  // It was started three times.
  const once = /^\n\{"level":"error","time":"3"\}\nthe edge says why$/
  await t.rejects(bringUp(work, 'none', ['edge']), { code: 'SERVER_EDGE_DOWN', detail: once })
  t.match(work.said.join('\n'), /the edge of before serves again/)
  t.equal(read(file('.env')), 'DOMAINS=[site.test]\nWEB_ENV_FILE=web.env\nWEB_BLUE_IMAGE=web:2\n')
  t.equal(read(file('web.env')), 'OLD=1\n')
  t.equal(statSync(file('web.env')).mode & 0o777, 0o600)
  t.equal(statSync(file('docker-compose.frontend.yml')).mode & 0o777, 0o644, 'which whoever runs Compose reads')
  t.notOk(existsSync(file('docker-compose.backend.yml')))
  t.equal(readFileSync(file('docker-compose.frontend.yml'), 'utf8'), 'old: file\n')
  t.match(calls(), /tag sha256:old localhost\/twinedge\/proxy:before\n/)
  t.match(calls(), /tag localhost\/twinedge\/proxy:before localhost\/twinedge\/proxy:local\ndocker compose up/)
  t.notOk(existsSync(file('site/before')))
  t.notMatch(calls(), /systemctl/)
})

t.test('on a disk that is full, no part of a file takes the place of the new one', async t => {
  const served = 'DOMAINS=[site.test]\nWEB_BLUE_IMAGE=web:1\n'
  const half = 'echo half; echo "write error: No space left on device" >&2; exit'
  const grep = `case "$1" in -vE) ${half} 2 ;; *) exec $(PATH=\${PATH#*:} command -v grep) "$@" ;; esac`
  const cat = `case "$1" in *before/files*) ${half} 1 ;; *) exec $(PATH=\${PATH#*:} command -v cat) "$@" ;; esac`
  for (const [full, file] of [
    [{ grep }, '.env'],
    [{ cat }, 'docker-compose.frontend.yml']
  ] as const) {
    const here = await world(t, served, served, full)
    writeFileSync(here.file('docker-compose.frontend.yml'), 'old: file\n')
    await keep(here)
    const brought = `DOMAINS=[site.test]\nBAD=1\n`
    for (const name of ['.env', 'docker-compose.frontend.yml']) writeFileSync(here.file(name), brought)
    await t.rejects(bringUp(here.work, 'none', ['edge']), { code: 'SERVER_EDGE_DOWN' })
    t.equal(read(here.file(file)), brought)
    t.match(
      here.work.said.join('\n'),
      /not all of its files can be put back; is the disk full\? They are in site\/before/
    )
    t.ok(existsSync(here.file(`site/before/files/${file}`)))
  }
})

t.test('what served is kept once, and only where something does', async t => {
  const here = await world(t, 'A=1\n', 'A=1\n')
  const { work, file, calls } = here
  await keep(here, 'unhealthy')
  t.notOk(existsSync(file('site/before')))
  await keep(here)
  writeFileSync(file('.env'), 'A=2\n')
  await keep(here)
  t.equal(readFileSync(file('site/before/files/.env'), 'utf8'), 'A=1\n', 'the first one, whatever has failed since')
  t.equal(calls().split('docker tag').length, 2)
  await bringUp(work, 'none', ['edge'])
  t.notOk(existsSync(file('site/before')), 'of no more use')
  t.match(calls(), /docker rmi localhost\/twinedge\/proxy:before\n/)
})

t.test('what comes back is what served when this began, or else before all that was killed', async t => {
  const here = await world(t, '')
  const { work, at, file, calls } = here
  const old = 'A=1\n'
  const bad = 'BAD=1\n'
  /** One that serves, with what it was brought up with: the first, or the next one after that. */
  const serve = (env: string, ups = ''): void => {
    for (const path of [at('edge'), file('.env')]) writeFileSync(path, env)
    writeFileSync(at('ups'), ups)
    writeFileSync(at('calls'), '')
  }
  /** What is tried is no good. @returns what is there after it */
  const fail = async (nginx: 'service' | 'none'): Promise<string> => {
    writeFileSync(file('.env'), bad)
    work.said.length = 0
    await t.rejects(bringUp(work, nginx, ['edge']), { code: 'SERVER_EDGE_DOWN' })
    return readFileSync(file('.env'), 'utf8')
  }

  serve(old)
  await keep(here)
  rmSync(at('edge'))
  t.equal(await fail('service'), bad, 'somebody has gone back to nginx since an earlier run was killed')
  t.match(work.said.at(-1), /nginx serves again$/)
  t.match(calls(), /compose stop edge\nsystemctl start nginx\n$/, 'and nothing is started beside it')

  serve('A=2\n', 'again\n')
  t.equal(await fail('none'), bad, 'another edge than the one that was kept serves: it was healthy by then')
  t.notMatch(work.said.join('\n'), /the edge of before/)

  serve('A=3\n', 'again\n')
  await keep(here)
  t.equal(await fail('none'), 'A=3\n', 'once that is kept, it is that one')

  serve('HTTP_PORT=8080\n')
  await keep(here)
  t.equal(await fail('service'), 'HTTP_PORT=8080\n', 'one on other ports than the nginx that it was to follow')
  t.match(calls(), /systemctl start nginx\n[\s\S]*docker compose up/, 'as nginx does')

  serve(old)
  await keep(here)
  writeFileSync(at('ups'), 'again\n')
  writeFileSync(at('edge'), bad)
  t.equal(await fail('none'), old, 'nothing serves since an earlier run was killed')
})
