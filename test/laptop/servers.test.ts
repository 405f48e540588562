// The ground of all that is done from a laptop: two servers that are machines, as far as can be had on one kernel.
// With WAN=long only: in CI site.test.ts stands on it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { project } from '../doubles/command.ts'
import { pebbleMissing } from '../doubles/pebble/pebble.ts'
import { roots, whyNoServers } from '../doubles/servers/missing.ts'
import { layServers } from '../doubles/servers/servers.ts'
import { startDistantPebble } from '../doubles/wan/programs/authority.ts'

const missing = whyNoServers()
const skip = missing || (process.env.WAN === 'long' ? false : 'takes long: WAN=long')

t.test('two bare servers and a laptop', { skip, timeout: 180_000 }, async t => {
  const { frontend, backend, laptop, ground, addLaptop } = await layServers(t)
  const ssh = (...args: string[]) => laptop.run('ssh', ['-o', 'BatchMode=yes', ...args])

  t.test('root and ops may do all on both of them, plain may not', async t => {
    const answers = await Promise.all(
      ['root@frontend', 'ops@frontend', 'ops@backend', 'plain@backend'].map(who => ssh(who, 'hostname; sudo -n id -u'))
    )
    t.same(
      answers.map(({ code, out }) => [code, out]),
      [
        [0, 'frontend\n0\n'],
        [0, 'frontend\n0\n'],
        [0, 'backend\n0\n'],
        [1, 'backend\n']
      ]
    )
    t.not(frontend.hostKey, backend.hostKey)
  })

  t.test('a cut of the line of the laptop is one for nobody else', async t => {
    const knock = (address: string): [string, string[]] => ['bash', ['-c', `read -t 2 <>/dev/tcp/${address}/22`]]
    const colleague = await addLaptop({ delayMs: 5 })
    await laptop.line.cut()
    // Long enough for a kernel that asks for a neighbour to give up, and say so.
    const silent = laptop.run('curl', ['-s', '-m', '4', `http://${ground.stranger.address}/`])
    t.match(await ssh('-o', 'ConnectTimeout=1', 'frontend', 'true'), { code: 255, err: /timed out/ })
    t.equal((await colleague.run('ssh', ['ops@frontend', 'true'])).code, 0, 'a colleague reaches them')
    t.equal((await frontend.run(...knock(backend.address))).code, 0, 'the servers reach each other')
    t.equal((await ground.clients.run(...knock(frontend.address))).code, 0, 'others reach the servers')
    t.equal((await silent).code, 28, 'nobody says that there is no way')
    await laptop.line.heal()
    t.equal((await ssh('frontend', 'true')).code, 0)
    const { 'from-laptop': sent, 'from-net': got } = await laptop.line.stats()
    t.ok(sent.dropped > 0 && got.packets > 0 && sent.overrun + got.overrun === 0, JSON.stringify({ sent, got }))
  })

  t.test('names are what the name server of the ground says', { skip: pebbleMissing('debian') }, async t => {
    const authority = await startDistantPebble(t, ground.clients)
    await authority.setDns('site.test', [backend.address])
    for (const where of [frontend, laptop]) {
      t.match((await where.run('getent', ['ahostsv4', 'site.test'])).out, new RegExp(`^${backend.address} `))
    }
  })

  t.test('apt installs an engine, which systemd starts', async t => {
    const install = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io docker-cli'
    t.match(await frontend.run('docker', ['version']), { code: 127 }, 'it is not there yet')
    t.match(await frontend.run('/bin/sh', ['-c', install], 120_000), { code: 0 })
    t.match((await frontend.run('systemctl', ['is-enabled', 'docker'])).out, /^enabled/)
    const able = await frontend.run('docker', ['info', '-f', '{{.Driver}} {{.MemoryLimit}} {{.CPUCfsQuota}}'])
    t.equal(able.out, 'overlay2 true true\n')
    t.match(await backend.run('docker', ['version']), { code: 127 }, 'a disk is nobody else’s')
  })
})

t.test('servers with an engine', { skip, timeout: 120_000 }, async t => {
  const { frontend, laptop, ground } = await layServers(t, { engine: true, laptop: { delayMs: 10 } })
  // Docker's own listener takes a connection before what is behind it does.
  const patiently = ['-s', '-m', '20', '--retry', '20', '--retry-delay', '1', '--retry-all-errors']
  const page = () => ground.clients.run('curl', [...patiently, `http://${frontend.address}:8080/motd`])

  t.test(
    'run what was shipped over ssh, within its limits, and are reached at the ports that they publish',
    async t => {
      const folder = mkdtempSync(join(tmpdir(), 'te-tiny-'))
      t.teardown(() => rmSync(folder, { recursive: true, force: true }))
      const box = readdirSync(join(roots, 'debs')).find(name => name.startsWith('busybox-static_'))!
      execFileSync('dpkg', ['-x', join(roots, 'debs', box), folder])
      const ship = 'tar -C "$0" -c . | gzip -1 | ssh -o BatchMode=yes ops@frontend sudo docker import - tiny'
      t.match(await laptop.run('sh', ['-c', ship, folder]), { code: 0, out: /^sha256:/ })
      const serve = 'echo "$HOSTNAME" > /motd; exec busybox httpd -f -p 80 -h /'
      const limits = ['--memory', '64m', '--pids-limit', '20', '--restart', 'always', '-p', '8080:80', '-h', 'inside']
      const run = ['run', '-d', '--name', 'web', ...limits, 'tiny', 'busybox', 'sh', '-c', serve]
      t.match(await frontend.run('docker', run), { code: 0, err: '' })
      t.match(await page(), { code: 0, out: 'inside\n' })
      const limit = ['exec', 'web', 'busybox', 'cat', '/sys/fs/cgroup/memory/memory.limit_in_bytes']
      t.match(await frontend.run('docker', limit), { out: `${64 * 1024 * 1024}\n` })
    }
  )

  t.test('say nothing when their power is cut, and come back with what ran', async t => {
    await frontend.cutPower()
    const knock = await laptop.run('curl', ['-s', '-m', '1', `http://${frontend.address}:22/`])
    t.equal(knock.code, 28, 'a machine without power refuses nothing')
    await frontend.boot()
    t.match(await page(), { code: 0, out: 'inside\n' })
  })
})

t.test('nothing stays behind of a run that was killed, once the next begins', { skip, timeout: 120_000 }, async t => {
  const child = await serversOfAnother(t)
  const left = (): string[] => {
    const groups = execFileSync('find', ['/sys/fs/cgroup', '-name', `te-wan-${child.pid}-*`], { encoding: 'utf8' })
    const disks = readdirSync(tmpdir()).filter(name => name.startsWith(`te-wan-${child.pid}-`))
    return [...groups.split('\n').filter(Boolean), ...disks]
  }
  t.ok(left().length >= 4, `${left()}`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(left().length >= 4, 'nobody has cleaned up')
  const ended: (() => unknown)[] = []
  await layServers({ teardown: stop => ended.unshift(stop) })
  t.same(left(), [])
  for (const stop of ended) await stop()
  const own = readdirSync(tmpdir()).filter(name => name.startsWith(`te-wan-${process.pid}-`))
  t.same(own, [])
})

async function serversOfAnother(t: { teardown(stop: () => unknown): void }): Promise<ChildProcess> {
  const script = `import { layServers } from '${project}/test/doubles/servers/servers.ts'
await layServers({ teardown () {} }); console.log('laid')`
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['pipe', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(createInterface(child.stdout!), 'line')
  return child
}
