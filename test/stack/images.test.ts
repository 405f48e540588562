import t from 'tap'
import { buildImage, docker, engineMissing, type ImageName } from '../doubles/stack/engine.ts'
import { inspectImage, originOf, runIn, startContainer, stop, untilHealth } from '../doubles/stack/image.ts'

if (engineMissing) {
  t.plan(0, engineMissing)
  process.exit()
}

t.setTimeout(300_000)

const tight = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL']
const hurried = ['--health-interval', '1s', '--health-retries', '1', '--health-start-period', '1ms']
interface Row {
  readonly user: string
  readonly ports: readonly string[]
  readonly options: readonly string[]
  /** Folders that its user may write in. */
  readonly writable: readonly string[]
  /** What is to be the same layer in every build: no date in it may tell one from another. */
  readonly undated: string
}

/** How each is run here: as tightly as the compose files do it, and in a network of its own. */
const images: Record<ImageName, Row> = {
  proxy: {
    user: '10001',
    ports: [],
    options: [
      ...[...tight, '--cap-add', 'NET_BIND_SERVICE', '--sysctl', 'net.ipv4.ip_unprivileged_port_start=1024'],
      ...['--volume', '/var/lib/twinedge', '--volume', '/run/twinedge']
    ],
    writable: ['/var/lib/twinedge', '/run/twinedge'],
    undated: '/usr/local/bin/node /app/node_modules'
  },
  web: {
    user: '10003',
    ports: ['3000/tcp'],
    options: [...tight, '--security-opt', 'no-new-privileges', '--publish', '127.0.0.1::3000'],
    writable: [],
    undated: '/usr/local/bin/node /app/node_modules'
  },
  api: {
    user: '10002',
    ports: ['8000/tcp'],
    options: [...tight, '--security-opt', 'no-new-privileges', '--publish', '127.0.0.1::8000'],
    writable: ['/data'],
    undated: '/venv'
  }
}
const built = { proxy: await buildImage('proxy'), web: await buildImage('web'), api: await buildImage('api') }
const names = Object.keys(images) as ImageName[]
const findings = `
id -u
for tool in gcc cc g++ make ld npm npx yarn corepack setcap git; do command -v $tool; done
find / -xdev -perm /6000 -type f
find /var/lib/apt/lists /var/cache/apt -type f -size +0
find $UNDATED -newermt @1
find / -xdev -path /tmp -prune -o -path /var/tmp -prune -o -path /run/lock -prune -o -type d -writable -print`

for (const name of names) {
  const { user, ports, options, writable, undated } = images[name]
  t.test(`${name}: what ships is what runs, and its user can change none of it`, async t => {
    const { Config, Size } = await inspectImage(built[name])
    t.comment(`${name}: ${Math.round(Size / 1e6)} MB`)
    t.equal(Config.StopSignal, 'SIGTERM')
    t.equal(Config.Healthcheck?.Test[0], 'CMD')
    t.same(Object.keys(Config.ExposedPorts ?? {}), ports)
    const { out } = await runIn(built[name], findings, ['--network', 'none', '--env', `UNDATED=${undated}`])
    t.same(
      out.trim().split('\n'),
      [user, ...writable],
      'user, then tools, setuid files, lists of packages, dated files, open folders'
    )
  })

  t.test(
    `${name}: on a read-only disk, without capabilities, it turns healthy, and it ends when it is told`,
    async t => {
      const id = await startContainer(t, built[name], options)
      await untilHealth(id, 'healthy')
      const { code, tookMs } = await stop(id)
      t.comment(`${name}: exit code ${code} after ${Math.round(tookMs)} ms`)
      // Next.js ends as the signal would have ended it.
      t.equal(code, name === 'web' ? 143 : 0)
      t.ok(tookMs < 5_000)
    }
  )
}

t.test('the edge was compiled when it was built, for the user who runs it', async t => {
  const env = ['--env', 'NODE_DEBUG_NATIVE=COMPILE_CACHE']
  const id = await startContainer(t, built.proxy, [...images.proxy.options, ...env])
  await untilHealth(id, 'healthy')
  const { err } = await docker(['logs', id])
  t.match(err, 'was accepted')
  t.notMatch(err, 'was not initialized')
})

t.test('an API was compiled when it was built, whatever date its files then had', async t => {
  const script =
    'import uvicorn, sample_api; print([open(m.__cached__, "rb").read(8)[4] for m in (uvicorn, sample_api)])'
  const { out, err } = await runIn(built.api, `python -c '${script}'`)
  t.equal(out, '[1, 1]\n', err) // neither date nor hash of the source is looked at
})

t.test('a web app whose page fails is unhealthy', async t => {
  const id = await startContainer(t, built.web, [...images.web.options, ...hurried, '--env', 'HEALTH_PATH=/nowhere'])
  await untilHealth(id, 'unhealthy')
})

t.test('an API that says it drains is unhealthy, though it says so with a 200', async t => {
  const id = await startContainer(t, built.api, [...images.api.options, ...hurried])
  await untilHealth(id, 'healthy')
  const origin = await originOf(id, 8000)
  t.same(await (await fetch(`${origin}/internal/drain`, { method: 'POST' })).json(), { status: 'draining' })
  t.equal((await fetch(`${origin}/api/v1/health`)).status, 200)
  await untilHealth(id, 'unhealthy')
})

t.test('a stream that is open when the API is told to stop is given its time', async t => {
  const id = await startContainer(t, built.api, images.api.options)
  await untilHealth(id, 'healthy')
  const answer = await fetch(`${await originOf(id, 8000)}/api/v1/chat/stream?n=20&ms=100`, { method: 'POST' })
  const [text, { code, tookMs }] = await Promise.all([answer.text(), stop(id)])
  t.match(text, '"type": "completed"')
  t.equal(code, 0)
  t.ok(tookMs > 1_000, 'it was open')
})

t.test('a stream that has no end is cut when its time is up, before the engine kills', async t => {
  const id = await startContainer(t, built.api, images.api.options)
  await untilHealth(id, 'healthy')
  const answer = await fetch(`${await originOf(id, 8000)}/api/v1/chat/stream?n=1000&ms=100`, { method: 'POST' })
  const [cut, { code, tookMs }] = await Promise.all([answer.text().catch(() => 'cut'), stop(id)])
  t.equal(cut, 'cut')
  t.comment(`cut after ${Math.round(tookMs)} ms`)
  t.equal(code, 0)
})

t.test('proxy: without a Docker client; a verb that wants one says where to run it', async t => {
  const packages = (await runIn(built.proxy, 'ls /app/node_modules')).out.split('\n')
  for (const name of ['undici', 'tar-stream', 'fastify']) t.ok(packages.includes(name), name)
  for (const name of ['dockerode', 'docker-modem', 'ssh2', '@grpc', 'protobufjs'])
    t.notOk(packages.includes(name), name)
  for (const verb of ['swap web app:2', 'rollback web', 'history', 'slots']) {
    const { code, err } = await runIn(built.proxy, `twinedge ${verb}`)
    t.equal(code, 1)
    t.match(err, /^COMPOSE_HOST_ONLY: .+\nnext: run it on the server itself/)
  }
})
