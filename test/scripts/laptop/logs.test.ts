import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { readable } from '../../../scripts/look/logs.ts'
import { project } from '../../doubles/command.ts'
import { sshMissing, startSshServer } from '../../doubles/ssh/server.ts'

const time = '2026-11-01T10:00:00.000Z'
const access = {
  ...{ level: 'error', time, id: '4f1c', method: 'GET', path: '/api/v1/chat', status: 502, upstream: 'api', total: 3 },
  ...{ out: 1_200, protocol: 'HTTP/2', ended: 'complete', code: 'EDGE_UPSTREAM_REFUSED', detail: 'no route' }
}
const lineOf = (fact: object): string => `edge-1  | ${JSON.stringify(fact)}`
const clock = new Date(time).toTimeString().slice(0, 8)

t.test('a line of the edge is told as people read it; an app’s, and half a line, as they are', async t => {
  t.equal(
    readable(lineOf(access)),
    `edge-1  | ${clock} 502 GET /api/v1/chat → api 3 ms 1.2 kB h2 id=4f1c EDGE_UPSTREAM_REFUSED: no route`
  )
  const cleared = `\u001b[2K${lineOf(access)}`
  t.equal(readable(cleared), readable(lineOf(access)), 'Compose clears a line of a terminal first')
  t.equal(
    readable(lineOf({ level: 'warn', time, message: 'the link is down', code: 'LINK_REFUSED' })),
    `edge-1  | ${clock} WARN the link is down code=LINK_REFUSED`
  )
  for (const line of [
    'edge-1  | CONFIG_INVALID: no domains',
    lineOf(access).slice(0, -9),
    lineOf({ level: 'info' }),
    `api-blue-1  | ${JSON.stringify(access)}`
  ]) {
    t.equal(readable(line), line)
  }
  t.notMatch(readable(lineOf({ ...access, path: '/\u001b[2J' })), /\u001b/, 'whatever a stranger asks for')
  const title = readable('api-blue-1  | \u001b[32mGET\u001b[0m /\u001b]0;title\u0007\u009b2J')
  t.equal(title, 'api-blue-1  | GET /\\u001b]0;title\\u0007\\u009b2J', 'or has an app say')
})

const script = '/usr/bin/script'
const skip = sshMissing || (existsSync(script) ? '' : `no ${script} here: apt-get install bsdutils`)

t.test('on a terminal, and only there, unless JSON is asked for', { skip }, async t => {
  const { plan, folder } = await startSshServer(t)
  const tool = join(plan.folder, 'tool/scripts/twinedge')
  mkdirSync(dirname(tool), { recursive: true })
  writeFileSync(tool, `#!/bin/sh\ncat <<'END'\n${lineOf(access)}\nEND\n`, { mode: 0o755 })
  const servers = `servers: { single: { ssh: ${plan.ssh}, ssh-config: ${plan.sshConfig}, address: 127.0.0.1, folder: ${plan.folder} } }`
  writeFileSync(
    join(folder, 'deploy.yaml'),
    `domains: example.com\n${servers}\nweb: { source: . }\napi: { source: . }\n`
  )
  const command = `${join(project, 'scripts/twinedge')} logs edge --site ${join(folder, 'deploy.yaml')}`
  const { NODE_OPTIONS: _, ...env } = process.env
  const run = (program: string, ...args: string[]): string =>
    spawnSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).stdout.trim()
  t.match(run(script, '-qec', command, '/dev/null'), `edge-1  | ${clock} 502 GET /api/v1/chat → api`)
  t.equal(run(script, '-qec', `${command} --json`, '/dev/null'), lineOf(access))
  t.equal(run('sh', '-c', command), lineOf(access))
})
