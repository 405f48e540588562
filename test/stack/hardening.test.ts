import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ask } from '../doubles/foreign-client.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

const MB = 1024 ** 2
const secrets = {
  EXCELMANUS_AUTH_ENABLED: 'true',
  EXCELMANUS_JWT_SECRET: 'qZ7vB2nM4xK9wT5rY8uP3sD6fG1hJ0lC',
  EXCELMANUS_API_KEY: 'sk-V5mQ8zR2tW7yX4bN9cL3',
  POSTGRES_PASSWORD: 'h7Jk2Lm9Qw4Er6Ty8Ui1'
}
const appsOwn = ['api-blue', 'web-blue']

/** What the compose files ask for, of every service in every profile; the frontend's own file has one more. */
// biome-ignore lint/suspicious/noExplicitAny: Compose's own answer
async function servicesOf(stack: Stack): Promise<[string, any][]> {
  const config = ['--profile', '*', 'config', '--format', 'json']
  const both = await stack.compose(...config)
  const front = await docker(['compose', '-f', 'docker-compose.frontend.yml', ...config])
  const { 'sample-api': sample } = JSON.parse(front.out).services
  return Object.entries({ ...JSON.parse(both.out).services, 'sample-api': sample })
}

/** Ports below 1024 on which nobody listens. */
async function lowPorts(count: number): Promise<string[]> {
  const found: string[] = []
  for (let port = 600; port < 1024 && found.length < count; port++) {
    const server = createServer()
    const isFree = await new Promise<boolean>(resolve => {
      server.on('error', () => resolve(false)).listen(port, () => resolve(true))
    })
    server.close()
    if (isFree) found.push(`${port}`)
  }
  return found
}

t.test('what may be taken from a container is taken from it', { skip: engineMissing }, async t => {
  const [http = '', https = ''] = await lowPorts(2)
  const ports = { HTTP_PORT: http, HTTPS_PORT: https }
  const stack = await upStack(t, 'single', { ...ports, WEB_ENV_FILE: 'web.env', ...secrets })

  t.test('the edge is nobody, may write nowhere, and listens below 1024 all the same', async t => {
    const { Config, HostConfig, Mounts } = await stack.inspect('edge')
    t.match(HostConfig, { NetworkMode: 'host', ReadonlyRootfs: true, Privileged: false, PidsLimit: 128 })
    t.strictSame([HostConfig.CapDrop, HostConfig.CapAdd], [['ALL'], ['NET_BIND_SERVICE']])
    t.match(Config.User, /^twinedge$/)
    const written = Mounts.map((mount: { Type: string; Destination: string }) => [mount.Type, mount.Destination].join())
    t.strictSame(
      written.sort(),
      ['volume,/run/twinedge', 'volume,/var/lib/twinedge'],
      'what must outlive it is in volumes'
    )
    const inside = await stack.compose(
      'exec',
      '-T',
      'edge',
      'sh',
      '-c',
      'id -u; touch /app/x /etc/x; ls -A /run/twinedge; cat /proc/1/status'
    )
    t.match(inside.out, /^10001\ncontrol\.sock\n/)
    t.equal(inside.err.match(/Read-only file system/g)?.length, 2)
    t.match(inside.out, /^CapBnd:\t0*400$/m, 'the one capability is all that it could ever have')
    t.match(inside.out, /^Uid:\t10001\t10001\t10001\t10001$/m)
    for (const protocol of ['h1', 'h2'] as const) {
      t.match(await ask(t, stack, protocol, { path: '/api/v1/health' }), { status: 200, body: '{"status":"ok"}' })
    }
  })

  t.test('what serves behind it is nobody either, and is bound to this machine alone', async t => {
    for (const service of appsOwn) {
      const { HostConfig, NetworkSettings } = await stack.inspect(service)
      t.match(
        HostConfig,
        { ReadonlyRootfs: true, Privileged: false, CapDrop: ['ALL'], CapAdd: null, PidsLimit: 256 },
        service
      )
      t.strictSame(HostConfig.SecurityOpt, ['no-new-privileges:true'], service)
      const inside = await stack.compose('exec', '-T', service, 'sh', '-c', 'id -u; touch /app/x; cat /proc/1/status')
      t.notMatch(inside.out, /^0$/m, `${service} is not root`)
      t.match(inside.err, /Read-only file system/, service)
      t.match(inside.out, /^CapBnd:\t0*$/m, service)
      for (const bound of Object.values(NetworkSettings.Ports).flat()) t.match(bound, { HostIp: '127.0.0.1' }, service)
    }
  })

  t.test(
    'of every service: a limit on memory and on its log, no engine within reach, a policy for its end',
    async t => {
      for (const [name, service] of await servicesOf(stack)) {
        t.ok(Number(service.mem_limit) <= 512 * MB, `${name} has a limit of memory`)
        t.match(service.logging, { driver: 'json-file', options: { 'max-size': /^\d+m$/, 'max-file': /^\d$/ } }, name)
        t.equal(service.restart, name === 'preflight' ? 'no' : 'unless-stopped', name)
        t.strictSame([service.privileged, service.cap_drop, service.read_only], [undefined, ['ALL'], true], name)
        t.notMatch(JSON.stringify(service.volumes ?? []), /docker\.sock|"\/(?:var\/)?run"/, name)
        if (name !== 'preflight') t.ok(service.pids_limit > 0, `${name} has a limit of processes`)
        if (name !== 'edge') t.not(service.network_mode, 'host', name)
      }
    }
  )

  t.test('each server fits into 1 GB, and leaves a sixth of it to the system', async t => {
    const limits = new Map((await servicesOf(stack)).map(([name, { mem_limit: limit }]) => [name, Number(limit)]))
    for (const parts of [
      ['edge', 'web-blue'],
      ['edge', 'api-blue', 'db']
    ]) {
      const sum = parts.reduce((bytes, name) => bytes + (limits.get(name) ?? Number.NaN), 0)
      t.ok(sum <= (1024 * MB * 5) / 6, `${parts.join(' + ')}: ${sum / MB} MB`)
    }
    for (const service of ['edge', ...appsOwn]) {
      const { HostConfig } = await stack.inspect(service)
      t.equal(HostConfig.Memory, limits.get(service), `the engine holds ${service} to it`)
    }
  })

  t.test('a secret of .env reaches the app, and shows nowhere else', async t => {
    const found = (text: string): string[] =>
      Object.values(secrets).filter(value => value.length > 8 && text.includes(value))
    const { Config } = await stack.inspect('edge')
    t.notMatch(Config.Env.join('\n'), /EXCELMANUS_|POSTGRES_/, 'the edge has no need of them')
    const app = await stack.compose('exec', '-T', 'api-blue', 'printenv', 'EXCELMANUS_JWT_SECRET')
    t.equal(app.out.trim(), secrets.EXCELMANUS_JWT_SECRET)
    const web = await stack.compose('exec', '-T', 'web-blue', 'env')
    t.match(web.out, /^PATH=/m)
    t.notMatch(web.out, /^(?:EXCELMANUS|POSTGRES)_\w+=./m, 'nor has the web app')
    t.strictSame(found((await stack.compose('logs')).out), [], 'logs')
    t.strictSame(found((await stack.compose('top')).out), [], 'top')
    t.strictSame(found((await stack.compose('ps', '--all', '--no-trunc')).out), [], 'ps')
    const lines = (await readdir('/proc'))
      .filter(name => /^\d+$/.test(name))
      .map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))
    t.strictSame(found((await Promise.all(lines)).join('\n')), [], 'command lines of this machine')
  })

  t.test('a log that runs over is rotated, and the disk keeps what it has', async t => {
    // By the service's own definition, limits included, without its ports.
    const script = `head -c ${80 * MB} /dev/zero | tr '\\0' x | fold -w 4000`
    const run = await stack.compose('run', '-d', '--no-deps', '--entrypoint', 'sh', 'web-blue', '-c', script)
    const id = run.out.trim()
    t.teardown(() => docker(['rm', '-f', '-v', id]))
    t.equal((await docker(['wait', id])).out.trim(), '0', run.err)
    const { out } = await docker(['inspect', '--format', '{{.LogPath}}', id])
    const folder = dirname(out.trim())
    const files = (await readdir(folder)).filter(name => name.includes('-json.log'))
    const sizes = await Promise.all(files.map(async name => (await stat(join(folder, name))).size))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    t.equal(files.length, 5, files.join())
    t.ok(bytes > 35 * MB && bytes <= 51 * MB, `${Math.round(bytes / MB)} MB of 80 are kept`)
  })
})
