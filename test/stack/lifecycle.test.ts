import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import t from 'tap'
import { connectTo, until } from '../doubles/edge-process.ts'
import { ask } from '../doubles/foreign-client.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { authorityOf, namedPorts, type Stack, upStack } from '../doubles/stack/stack.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

const page = { path: '/', headers: ['accept', 'text/html'] }

/** The id of each container of it, by service. */
async function containersOf(stack: Stack): Promise<Record<string, string>> {
  const { out } = await stack.compose('ps', '--all', '--no-trunc', '--format', '{{.Service}} {{.ID}}')
  return Object.fromEntries(
    out
      .trim()
      .split('\n')
      .map(line => line.split(' '))
  )
}

async function fingerprintOf(stack: Stack): Promise<string> {
  const socket = await connectTo(stack)
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

t.test('a stack comes, changes and goes as anyone who knows Compose expects', { skip: engineMissing }, async t => {
  const stack = await upStack(t, 'frontend')
  const isServed = async (): Promise<boolean> => {
    const answer = await ask(t, stack, 'h2', page).catch(() => null)
    return answer?.status === 200
  }

  t.test('ps names what runs, and its health', async t => {
    const { out } = await stack.compose('ps', '--format', '{{.Service}} {{.State}} {{.Health}}')
    const all = ['edge', 'sample-api', 'web-blue'].map(service => `${service} running healthy`)
    t.strictSame(out.trim().split('\n').sort(), all)
    t.match((await ask(t, stack, 'h1', page)).body, /<html/)
  })

  t.test('up -d a second time starts nothing anew, but the look at .env', async t => {
    const before = await containersOf(stack)
    const again = await stack.compose('up', '-d')
    t.equal(again.code, 0, again.err)
    t.strictSame(await containersOf(stack), before)
    t.match(again.err, /web-blue-1 {2}Running/)
    t.match(again.err, /edge-1 {2}Running/)
  })

  t.test('logs -f shows each request as it comes, and ends with the service', async t => {
    const lines: string[] = []
    const args = ['compose', '-p', stack.project, 'logs', '-f', '--no-log-prefix', 'edge']
    const follower = spawn('docker', args, { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => follower.kill())
    const end = new Promise<number | null>(resolve => follower.on('exit', resolve))
    follower.stdout.on('data', chunk => lines.push(`${chunk}`))
    await until(() => lines.join('').includes('serving'), 'what was said before')
    await ask(t, stack, 'h1', { path: '/while-it-is-followed' })
    await until(() => lines.join('').includes('/while-it-is-followed'), 'what is said now')
    await stack.compose('stop', 'edge')
    t.equal(await end, 0)
    await stack.compose('start', 'edge')
    await until(isServed, 'served again')
  })

  t.test('each image is built by one service: a second build would replace what the first one started', async t => {
    const { out } = await stack.compose('config', '--format', 'json')
    // biome-ignore lint/suspicious/noExplicitAny: Compose's own answer
    const services: any[] = Object.values(JSON.parse(out).services)
    const built = services.filter(({ build }) => build !== undefined).map(({ image }) => image)
    t.equal(built.length, 3)
    t.equal(new Set(built).size, built.length)
  })

  t.test('what .env says to Compose alone replaces no slot', async t => {
    const before = await containersOf(stack)
    const { MONITOR_PORT = 0 } = await namedPorts(['MONITOR_PORT'])
    await stack.set({ WEB_GREEN_IMAGE: 'te-none:1', WEB_MEMORY: '384m', MONITOR_PORT: `${MONITOR_PORT}` })
    const { code, err } = await stack.compose('up', '-d', '--wait')
    t.equal(code, 0, err)
    const after = await containersOf(stack)
    t.equal(after['web-blue'], before['web-blue'])
    t.not(after.edge, before.edge, 'but the one that it is for')
    await stack.set({ WEB_GREEN_IMAGE: '', MONITOR_PORT: '' })
    t.equal((await stack.compose('up', '-d', '--wait')).code, 0)
  })

  t.test('another image in .env replaces that one service, and not the edge', async t => {
    const before = await containersOf(stack)
    const image = `te-web:${stack.project}`
    await docker(['tag', 'localhost/twinedge/web:sample', image])
    t.teardown(() => docker(['rmi', image]))
    await stack.set({ WEB_IMAGE: image })
    const { code, err } = await stack.compose('up', '-d', '--wait')
    t.equal(code, 0, err)
    const after = await containersOf(stack)
    const changed = Object.keys(after).filter(name => after[name] !== before[name])
    t.strictSame(changed, ['web-blue'])
    t.equal((await stack.inspect('web-blue')).Config.Image, image)
    await until(isServed, 'the new one is served')
    await stack.set({ WEB_IMAGE: '' })
  })

  t.test('down leaves nothing but the volumes, and up -d serves with the certificates of before', async t => {
    const before = [await authorityOf(stack), await fingerprintOf(stack)]
    await stack.compose('down', '--timeout', '5')
    const mine = ['--filter', `label=com.docker.compose.project=${stack.project}`, '--quiet']
    t.equal((await docker(['ps', '--all', ...mine])).out, '', 'no container')
    t.equal((await docker(['network', 'ls', ...mine])).out, '', 'no network')
    t.strictSame((await docker(['volume', 'ls', ...mine])).out.trim().split('\n').sort(), [
      `${stack.project}_edge-run`,
      `${stack.project}_edge-state`,
      `${stack.project}_sample-data`
    ])
    const { code, err } = await stack.compose('up', '-d', '--wait')
    t.equal(code, 0, err)
    t.ok(await isServed())
    t.strictSame([await authorityOf(stack), await fingerprintOf(stack)], before)
  })

  t.test('of a pair, the slot that COMPOSE_PROFILES names runs alone', async t => {
    await stack.compose('down', '--timeout', '5')
    await stack.set({ COMPOSE_PROFILES: 'web-green' })
    const { code, err } = await stack.compose('up', '-d', '--wait')
    t.equal(code, 0, err)
    t.strictSame(Object.keys(await containersOf(stack)).sort(), ['edge', 'preflight', 'sample-api', 'web-green'])
    const answer = await fetch(`http://127.0.0.1:${stack.ports.WEB_GREEN_PORT}/`)
    t.equal(answer.status, 200)
  })
})
