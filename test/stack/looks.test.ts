import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { project, twinedge } from '../doubles/command.ts'
import { makeLaptop } from '../doubles/ssh/laptop.ts'
import { sshMissing, startSshServer } from '../doubles/ssh/server.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { upSmallStack } from '../doubles/stack/small-stack.ts'

t.setTimeout(120_000)

const takesLong = process.env.WAN === 'long' ? '' : 'takes long: WAN=long'

t.test('a site looked at from the laptop', { skip: sshMissing || engineMissing || takesLong }, async t => {
  const stack = await upSmallStack(t)
  const server = await startSshServer(t, 'frontend')
  const place = { project: stack.project, folder: stack.folder, envFile: stack.envFile }
  const laptop = makeLaptop(server, place)
  const dead = await startSshServer(t, 'backend')
  dead.kill()
  const both = readFileSync(laptop.site, 'utf8').replace(
    'web:\n',
    `  backend:
    ssh: backend
    ssh-config: ${dead.plan.sshConfig}
    address: 127.0.0.2
web:\n`
  )
  writeFileSync(laptop.site, both)

  t.test(
    'status: one that is not reached is a row with its reason, and the other one is told all the same',
    async t => {
      const { code, out } = await laptop.twinedge('status')
      t.equal(code, 1)
      t.match(out, /^frontend +\S+ .* MB of \d+ MB +[\d.]+ GB of/m)
      t.match(out, /^backend +not reached/m)
      t.match(out, new RegExp(`^web-blue \\(active\\) +frontend +- +${stack.image('one')} +healthy`, 'm'))
      t.match(out, /^backend: SSH_UNREACHABLE: .*\nbackend: {3}next: /m)
      const one = await laptop.twinedge('status', '--server', 'frontend', '--json')
      t.equal(one.code, 0)
      t.match(JSON.parse(one.out).servers, [{ server: 'frontend', failure: null, stack: { project: stack.project } }])
    }
  )

  t.test('status: a bootstrap that was broken off, and who began it', async t => {
    const record = {
      began: '2026-11-23T08:00:00.000Z',
      by: 'ann@desk',
      step: 'firewall',
      outcome: 'under way',
      code: null
    }
    mkdirSync(join(stack.folder, 'site'), { recursive: true })
    const file = join(stack.folder, 'site/bootstrap.json')
    writeFileSync(file, JSON.stringify(record))
    const { out } = await laptop.twinedge('status', '--server', 'frontend')
    t.match(
      out,
      /^frontend: WARNING: the bootstrap that ann@desk began .* broken off, at "firewall"\n {2}next: twinedge bootstrap frontend/m
    )
    rmSync(file)
  })

  t.test('exec: stdin, arguments and the exit code pass through', async t => {
    const text = `print("it's \${HOME}") ; exit 1`
    const echo = `process.stdin.pipe(process.stdout); console.log(process.argv[1]); process.exitCode = 7`
    const child = spawn(
      join(project, 'scripts/twinedge'),
      ['exec', 'web', '--site', laptop.site, '--', 'node', '-e', echo, text],
      { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['pipe', 'pipe', 'inherit'] }
    )
    let said = ''
    child.stdout.on('data', chunk => {
      said += chunk
    })
    child.stdin.end('from here\n')
    const code = await new Promise(resolve => child.on('close', resolve))
    t.same([code, said.split('\n').sort()], [7, ['', 'from here', text]])
    const there = await laptop.twinedge('exec', 'server', '--server', 'frontend', '--', 'pwd')
    t.same([there.code, there.out.trim()], [0, stack.folder])
    t.match(await laptop.twinedge('exec', 'server', '--', 'pwd'), { code: 2, err: /which server\?/ })
    const here = (...args: string[]) => twinedge(['exec', ...args], { COMPOSE_PROJECT_NAME: stack.project })
    t.match(await here('api', '--', 'true'), { code: 1, err: /LOOK_NO_CONTAINER: no container of api/ })
    t.match(await here('server', '--', 'te-no-such-program'), { code: 1, err: /LOOK_FAILED: te-no-such-program/ })
  })

  t.test(
    'restart: the other slot takes over, under the same number, and a rollback has nothing to go back to',
    async t => {
      const { code, out, err } = await laptop.twinedge('restart', 'web')
      t.equal(code, 0, err)
      t.match(out, /web: release 1 \(\S+-one:1\) serves from web-green/)
      t.match(await laptop.twinedge('restart', 'web'), { code: 0, out: /release 1 .* serves from web-blue/ })
      t.match(await stack.twinedge('rollback', 'web'), { code: 1, err: /COMPOSE_NO_RELEASE/ })
      t.match((await stack.twinedge('history')).out, /restart web +1 +done/)
    }
  )

  t.test('a restart that comes to nothing leaves what serves, and its release', async t => {
    const [, port] = /web-green:[\s\S]*?127\.0\.0\.1:(\d+):3000/.exec(
      readFileSync(join(stack.folder, 'compose.yml'), 'utf8')
    )!
    const taken = createServer().listen(Number(port), '127.0.0.1')
    await once(taken, 'listening')
    t.match(await laptop.twinedge('restart', 'web'), { code: 1, err: /COMPOSE_|port is already allocated/ })
    await new Promise(resolve => taken.close(resolve))
    t.match((await laptop.twinedge('status', '--server', 'frontend')).out, /^web-blue \(active\) .* healthy/m)
    t.match(await laptop.twinedge('restart', 'web'), { code: 0, out: /release 1 .* serves from web-green/ })
  })

  t.test('logs of both slots, through a restart; what follows them there ends with the laptop', async t => {
    const { code, out } = await laptop.twinedge('logs', 'web', '--lines', '5', '--server', 'frontend')
    t.equal(code, 0)
    t.notMatch(out, /\\u001b/)
    const child = spawn(join(project, 'scripts/twinedge'), ['logs', '-f', 'web', '--site', laptop.site], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    t.teardown(() => child.kill('SIGKILL'))
    t.ok(await eventually(() => followers(stack.project) > 0), 'it follows')
    child.kill('SIGKILL')
    t.ok(await eventually(() => followers(stack.project) === 0), 'and has ended')
  })

  t.test('the edge’s own log, on a terminal there: a line as people read it', async t => {
    const command = `${join(project, 'scripts/twinedge')} logs edge --project ${stack.project}`
    const { NODE_OPTIONS: _, TWINEDGE_SITE: __, ...env } = process.env
    const run = (text: string): string =>
      spawnSync('script', ['-qec', text, '/dev/null'], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
        .stdout
    t.match(run(command), /^edge-1 +\| \d\d:\d\d:\d\d serving\r?$/m)
    t.match(run(`${command} --json`), /edge-1 +\| \{"level":"info","time":.*"serving"/m)
  })

  t.test('check: what would be brought there, against what is there', async t => {
    writeFileSync(join(server.folder, 'other.env'), `${readFileSync(stack.envFile, 'utf8')}HTTP_PORT=8080\n`)
    writeFileSync(laptop.site, both.replace(`env: ${stack.envFile}`, 'env: other.env'))
    const { code, out } = await laptop.twinedge('check', '--server', 'frontend')
    t.equal(code, 1)
    t.match(out, /^HTTP_PORT +8080 +- +DIFFERS$/m)
    t.match(out, /^docker-compose\.frontend\.yml +\w{12} +- +DIFFERS$/m)
    t.match(out, /next: twinedge bootstrap frontend/)
    writeFileSync(laptop.site, both.replace('domains:', 'domain:').replace('address: 127', 'address: x127'))
    t.match(
      await laptop.twinedge('check'),
      { code: 1, err: /SITE_INVALID[\s\S]*domain[\s\S]*address/ },
      'every fault at once'
    )
  })
})

/** How many processes follow the logs of a project on the server, which is this machine. */
function followers(name: string): number {
  const lines = readdirSync('/proc').map(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    } catch {
      return '' // no process, or over by now
    }
  })
  return lines.filter(line => line.includes(`${name}\0logs\0--follow`)).length
}

async function eventually(isSo: () => boolean): Promise<boolean> {
  for (const late = Date.now() + 15_000; Date.now() < late; await pause(50)) if (isSo()) return true
  return isSo()
}
