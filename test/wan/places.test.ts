// The other half of the ground: who is where, what a kernel there is set to, and that nothing of it stays behind.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { project } from '../doubles/command.ts'
import { startEdgeProcess } from '../doubles/edge-process.ts'
import { pebbleMissing } from '../doubles/pebble/pebble.ts'
import { layGround } from '../doubles/wan/ground.ts'
import { whyNoWan } from '../doubles/wan/missing.ts'
import { startApp } from '../doubles/wan/programs/apps.ts'
import { startDistantPebble } from '../doubles/wan/programs/authority.ts'

const missing = whyNoWan()
const skip = missing === '' ? false : missing
const skipAcme = skip || pebbleMissing('debian') || false

t.test("a server's kernel is Debian's, whatever the host's is, until it is tuned", { skip }, async t => {
  const { frontend, backend } = await layGround(t)
  const congestion = async (place = frontend): Promise<string> =>
    (await place.run('cat', ['/proc/sys/net/ipv4/tcp_congestion_control'])).out.trim()
  t.same([await congestion(), await congestion(backend)], ['cubic', 'cubic'])
  frontend.tune('tuned')
  t.same([await congestion(), await congestion(backend)], ['bbr', 'cubic'])
})

t.test('everybody is reached by everybody, and told apart by address', { skip }, async t => {
  const ground = await layGround(t, { delayMs: 1 })
  await startApp(ground.backend, 'api')
  const url = `http://${ground.backend.address}:8001/api/v1/echo`
  for (const place of [ground.frontend, ground.clients, ground.stranger]) {
    const { from } = JSON.parse((await place.run('curl', ['-s', url])).out)
    t.equal(from.split(':')[0], place.address)
  }
})

t.test(
  'an edge gets its certificate from an authority elsewhere, once DNS points at it',
  { skip: skipAcme },
  async t => {
    const ground = await layGround(t)
    const authority = await startDistantPebble(t, ground.clients)
    const { frontend, backend, clients } = ground
    await authority.setDns('site.test', [backend.address])
    clients.resolve({ server: clients.address })
    const found = await clients.run('getent', ['ahostsv4', 'site.test'])
    t.match(found.out, new RegExp(`^${backend.address}`), 'names are found by the name server')
    await authority.setDns('site.test', [frontend.address])
    const edge = await startEdgeProcess(
      t,
      `server: frontend
domains: [site.test]
listen: { http: "${frontend.address}:80", https: "${frontend.address}:443" }
tls: { mode: acme, directory: "${authority.directory}", directory-ca: "${authority.caFile}" }
upstreams: { web: { origin: "http://127.0.0.1:9" } }
routes: [{ path: /, upstream: web }]
grace: 0s
`,
      {},
      frontend.command
    )
    await edge.line(({ message }) => message === 'certificate issued')
    const shown = await clients.run('curl', ['-skv', '-m', '5', '-o', '/dev/null', 'https://site.test/'])
    t.match(shown.err, /issuer: CN=Pebble/)
  }
)

t.test(
  'nothing stays behind: not of a test that ended, nor, once the next begins, of one that was killed',
  { skip },
  async t => {
    const child = await groundOfAnother(t)
    const names = (): string[] =>
      execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
        .split('\n')
        .filter(line => line.includes(`-${child.pid}-`))
    t.equal(names().length, 5)
    child.kill('SIGKILL')
    await once(child, 'exit')
    t.equal(names().length, 5, 'nobody has cleaned up')
    const own = await layGround(t)
    t.equal(names().length, 0)
    own.close()
    t.notMatch(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }), `-${process.pid}-`)
  }
)

/** Another process that lays its ground, and then does nothing more. */
async function groundOfAnother(t: { teardown(stop: () => unknown): void }): Promise<ChildProcess> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const script = `import { layGround } from '${project}/test/doubles/wan/ground.ts'
await layGround({ teardown() {} }); console.log('laid'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(createInterface(child.stdout), 'line')
  return child
}
